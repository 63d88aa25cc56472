package org.rlkd.cli.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** How the rewards of a run's completions are spread, in its first and in its last fifth. */
final class RewardHistograms {
  private static final int BINS = 20;
  private static final int PARTS = 5;

  private record Reward(long step, double value) {}

  /**
   * Counts of equal bins from low to high.
   *
   * @param first of the completions of the first fifth of the steps
   * @param last of the last fifth
   */
  record Histogram(double low, double high, int[] first, int[] last) {}

  private final Map<String, List<Reward>> rewards = new TreeMap<>();
  private long firstStep = Long.MAX_VALUE;
  private long lastStep;

  /** Adds a completion's rewards by name; what is not a number is left out. */
  void add(long step, JsonNode scores) {
    firstStep = Math.min(firstStep, step);
    lastStep = Math.max(lastStep, step);
    scores
        .properties()
        .forEach(
            score -> {
              if (score.getValue().isNumber()) {
                rewards
                    .computeIfAbsent(score.getKey(), name -> new ArrayList<>())
                    .add(new Reward(step, score.getValue().asDouble()));
              }
            });
  }

  /** By the rewards' names. */
  Map<String, Histogram> histograms() {
    Map<String, Histogram> histograms = new TreeMap<>();
    rewards.forEach((name, values) -> histograms.put(name, of(values)));
    return histograms;
  }

  private Histogram of(List<Reward> values) {
    double low = values.stream().mapToDouble(Reward::value).min().orElseThrow();
    double high = values.stream().mapToDouble(Reward::value).max().orElseThrow();
    double width = high > low ? (high - low) / BINS : 1;
    double part = (lastStep - firstStep + 1) / (double) PARTS;
    int[] first = new int[BINS];
    int[] last = new int[BINS];
    for (Reward reward : values) {
      int bin = Math.min(BINS - 1, (int) ((reward.value - low) / width));
      if (reward.step - firstStep < part) {
        first[bin]++;
      }
      if (lastStep - reward.step < part) {
        last[bin]++;
      }
    }
    return new Histogram(low, high, first, last);
  }
}
