package org.rlkd.cli.quickstart;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/** Wall-clock seconds by stage; a stage that runs twice adds up. */
final class StageSeconds {
  private final Map<String, Double> seconds = new LinkedHashMap<>();

  <T> T time(String stage, Supplier<T> work) {
    long start = System.nanoTime();
    T result = work.get();
    seconds.merge(stage, (System.nanoTime() - start) * 1e-9, Double::sum);
    return result;
  }

  /** The stages in the order in which they first ran, then {@code total}. */
  Map<String, Double> withTotal() {
    Map<String, Double> all = new LinkedHashMap<>(seconds);
    all.put("total", seconds.values().stream().mapToDouble(Double::doubleValue).sum());
    return all;
  }
}
