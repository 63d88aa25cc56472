package org.rlkd.core.reward;

import java.util.List;

/**
 * 1 for a completion whose answer equals the problem's, else 0; NaN where the problem has no
 * answer.
 */
record AccuracyReward() implements Reward {
  @Override
  public String name() {
    return "accuracy";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    return samples.stream().mapToDouble(this::score).toArray();
  }

  private double score(RewardSample sample) {
    return switch (Correctness.of(sample)) {
      case RIGHT -> 1;
      case WRONG -> 0;
      case NO_REFERENCE -> Double.NaN;
    };
  }
}
