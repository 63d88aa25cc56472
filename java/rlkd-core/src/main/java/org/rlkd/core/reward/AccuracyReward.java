package org.rlkd.core.reward;

import java.util.List;
import org.rlkd.core.math.OpenR1Answer;

/**
 * 1 for a completion whose answer equals the problem's, else 0; NaN where the problem has no
 * answer.
 *
 * @param form what open-r1's variant expects of the reference answer; ours reads every form
 */
record AccuracyReward(Compatibility compatibility, OpenR1Answer.GoldForm form) implements Reward {
  @Override
  public String name() {
    return "accuracy";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    return samples.stream().mapToDouble(this::score).toArray();
  }

  private double score(RewardSample sample) {
    return switch (Correctness.of(sample, compatibility, form)) {
      case RIGHT -> 1;
      case WRONG -> 0;
      case NO_REFERENCE -> Double.NaN;
    };
  }
}
