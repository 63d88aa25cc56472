package org.rlkd.core.reward;

import java.util.List;
import java.util.Map;

/** A reward function, by its TRL/open-r1 name. */
public interface Reward {
  /** The name under which it is configured, logged and given a weight. */
  String name();

  /**
   * Scores the samples of a step in one batch.
   *
   * @return one score per sample in the same order; NaN = unscorable, never a stand-in for a low
   *     score
   */
  double[] score(List<RewardSample> samples);

  /**
   * Tells that these samples, a group, will be among the next that are scored, while others are
   * still being generated: a reward that waits for another machine may begin. Called on the thread
   * that generates, and returns at once; the scores do not depend on it.
   */
  default void announce(List<RewardSample> samples) {}

  /** Whether {@link #score} may run on another thread than the caller's, beside other rewards. */
  default boolean concurrent() {
    return true;
  }

  /** Figures about its work so far, by metric name; read after {@link #score}. */
  default Map<String, Double> metrics() {
    return Map.of();
  }
}
