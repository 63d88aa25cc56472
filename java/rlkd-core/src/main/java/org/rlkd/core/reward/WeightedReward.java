package org.rlkd.core.reward;

import java.util.Arrays;
import java.util.List;

/**
 * The weighted sum of several rewards, as training adds them up: NaN where a reward with a weight
 * other than 0 is NaN.
 */
public final class WeightedReward implements Reward {
  private final List<Reward> rewards;
  private final double[] weights;

  /**
   * @param weights one for each reward
   */
  public WeightedReward(List<Reward> rewards, List<Double> weights) {
    if (rewards.size() != weights.size()) {
      throw new IllegalArgumentException(
          "%d weights for %d rewards".formatted(weights.size(), rewards.size()));
    }
    this.rewards = List.copyOf(rewards);
    this.weights = weights.stream().mapToDouble(Double::doubleValue).toArray();
  }

  @Override
  public String name() {
    return "weighted";
  }

  /** As long as every part may. */
  @Override
  public boolean concurrent() {
    return rewards.stream().allMatch(Reward::concurrent);
  }

  @Override
  public void announce(List<RewardSample> samples) {
    rewards.forEach(reward -> reward.announce(samples));
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    double[][] values = RewardMatrix.score(rewards, samples).values();
    return Arrays.stream(values).mapToDouble(this::sum).toArray();
  }

  private double sum(double[] row) {
    double sum = 0;
    for (int f = 0; f < row.length; f++) {
      sum += weights[f] == 0 ? 0 : weights[f] * row[f];
    }
    return sum;
  }
}
