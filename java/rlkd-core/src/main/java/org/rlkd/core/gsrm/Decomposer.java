package org.rlkd.core.gsrm;

import java.util.List;

/** Turns reasoning into meta-reasoning/solving steps (the generative half of the GSRM). */
public interface Decomposer {
  /**
   * Identifies the decomposer and its version, e.g. {@code "tagged-1"} or {@code
   * "gsrm-0.5b@sha256:1f3a"}: part of the key under which teacher decompositions are cached, so it
   * must change when the output for a reasoning may change.
   */
  String id();

  /**
   * Decomposes all in one batch: one result each in the same order, {@link Decomposition.Failed}
   * where it failed.
   */
  List<Decomposition> decompose(List<Reasoning> reasonings);

  /**
   * Whether it waits for another machine most of the time and {@link #decompose} may run on any
   * thread, one call at a time: then reasonings are decomposed as they come while others are still
   * being generated.
   */
  default boolean remote() {
    return false;
  }
}
