package org.rlkd.core.gsrm;

import java.util.List;

/** Turns a reasoning text into meta-reasoning/solving steps (the generative half of the GSRM). */
public interface Decomposer {
  /**
   * Identifies the decomposer and its version, e.g. {@code "tags"} or {@code
   * "gsrm-0.5b@sha256:1f3a"}: part of the key under which teacher decompositions are cached, so it
   * must change when the output for a text may change.
   */
  String id();

  /**
   * Decomposes all texts in one batch: one result per text in the same order, {@link
   * Decomposition.Failed} where it failed.
   */
  List<Decomposition> decompose(List<String> reasoningTexts);
}
