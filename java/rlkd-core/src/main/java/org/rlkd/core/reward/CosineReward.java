package org.rlkd.core.reward;

import java.util.List;
import org.rlkd.core.math.OpenR1Answer;

/**
 * Right answers earn less, wrong ones lose less the longer they are, along half a cosine over the
 * length in code points (open-r1's cosine_scaled_reward, after arXiv 2502.03373).
 *
 * <p>Ours keeps the value of {@code cosine_max_len} beyond it, and gives NaN where the problem has
 * no answer. open-r1's lets the cosine run on, and gives 1 there.
 */
record CosineReward(Compatibility compatibility, RewardOptions.Cosine cosine) implements Reward {
  @Override
  public String name() {
    return "cosine";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    return samples.stream().mapToDouble(this::score).toArray();
  }

  private double score(RewardSample sample) {
    Correctness correctness = Correctness.of(sample, compatibility, OpenR1Answer.GoldForm.LATEX);
    if (correctness == Correctness.NO_REFERENCE) {
      return compatibility == Compatibility.OPEN_R1 ? 1 : Double.NaN;
    }
    boolean right = correctness == Correctness.RIGHT;
    double atFullLength = right ? cosine.minValueCorrect() : cosine.maxValueWrong();
    double atZeroLength = right ? cosine.maxValueCorrect() : cosine.minValueWrong();
    double progress =
        (double) sample.completion().codePointCount(0, sample.completion().length())
            / cosine.maxLength();
    if (compatibility != Compatibility.OPEN_R1) {
      progress = Math.min(1, progress);
    }
    return atFullLength + 0.5 * (atZeroLength - atFullLength) * (1 + Math.cos(progress * Math.PI));
  }
}
