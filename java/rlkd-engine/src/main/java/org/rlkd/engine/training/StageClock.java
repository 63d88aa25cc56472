package org.rlkd.engine.training;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Wall-clock seconds by stage of a step. */
final class StageClock {
  private final Map<String, Double> seconds = new LinkedHashMap<>();
  private final long start = System.nanoTime();
  private final Consumer<String> listener;
  private String stage;
  private long last = start;

  /**
   * @param listener hears of each stage as it begins
   */
  StageClock(Consumer<String> listener) {
    this.listener = listener;
  }

  /** A stage begins; the one before, if there was one, ends. */
  void begin(String next) {
    end();
    stage = next;
    listener.accept(next);
  }

  /** The present stage ends. */
  void end() {
    long now = System.nanoTime();
    if (stage != null) {
      seconds.merge(stage, (now - last) * 1e-9, Double::sum);
      stage = null;
    }
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
