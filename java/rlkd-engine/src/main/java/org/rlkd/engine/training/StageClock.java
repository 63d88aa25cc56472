package org.rlkd.engine.training;

import java.util.LinkedHashMap;
import java.util.Map;

/** Wall-clock seconds by stage of a step. */
final class StageClock {
  private final Map<String, Double> seconds = new LinkedHashMap<>();
  private final long start = System.nanoTime();
  private long last = start;

  /** Counts the time since the last call (or the start) to a stage. */
  void lap(String stage) {
    long now = System.nanoTime();
    seconds.merge(stage, (now - last) * 1e-9, Double::sum);
    last = now;
  }

  /** Seconds of a stage, 0 if it never ran. */
  double of(String stage) {
    return seconds.getOrDefault(stage, 0.0);
  }

  /** Seconds since the start. */
  double total() {
    return (last - start) * 1e-9;
  }

  Map<String, Double> byStage() {
    return seconds;
  }
}
