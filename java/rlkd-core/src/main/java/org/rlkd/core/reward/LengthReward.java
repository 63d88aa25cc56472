package org.rlkd.core.reward;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.rlkd.core.data.Problem;
import org.rlkd.core.math.OpenR1Answer;

/**
 * Kimi k1.5's length reward (arXiv 2501.12599): 0.5 - (len - min)/(max - min) for a right answer,
 * at most 0 for a wrong one; 0 for all if all are equally long. Lengths are code points.
 *
 * <p>Ours takes min and max over the completions of the same problem, as the paper does, and gives
 * NaN where the problem has no answer. open-r1's takes them over the whole batch and counts such a
 * completion as right.
 */
record LengthReward(Compatibility compatibility) implements Reward {
  private record Range(int min, int max) {
    Range with(int length) {
      return new Range(Math.min(min, length), Math.max(max, length));
    }
  }

  @Override
  public String name() {
    return "length";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    boolean openR1 = compatibility == Compatibility.OPEN_R1;
    Map<Problem, Range> ranges = new HashMap<>();
    for (RewardSample sample : samples) {
      int length = length(sample);
      ranges.merge(
          openR1 ? samples.get(0).problem() : sample.problem(),
          new Range(length, length),
          (range, one) -> range.with(one.min));
    }
    double[] scores = new double[samples.size()];
    for (int i = 0; i < scores.length; i++) {
      RewardSample sample = samples.get(i);
      Correctness correctness = Correctness.of(sample, compatibility, OpenR1Answer.GoldForm.LATEX);
      Range range = ranges.get(openR1 ? samples.get(0).problem() : sample.problem());
      double shortness = 0.5 - (double) (length(sample) - range.min) / (range.max - range.min);
      if (correctness == Correctness.NO_REFERENCE && !openR1) {
        scores[i] = Double.NaN;
      } else if (range.max == range.min) {
        scores[i] = 0;
      } else {
        scores[i] = correctness == Correctness.WRONG ? Math.min(0, shortness) : shortness;
      }
    }
    return scores;
  }

  private static int length(RewardSample sample) {
    return sample.completion().codePointCount(0, sample.completion().length());
  }
}
