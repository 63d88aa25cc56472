package org.rlkd.core.reward;

import java.util.List;

/**
 * DAPO's soft punishment of overlong completions (arXiv 2503.14476, eq. 13; TRL's {@code
 * get_soft_overlong_punishment}), by tokens: 0 up to {@code maxLength - cache}, then falling
 * linearly to -1 at {@code maxLength}, and -1 beyond. NaN where the number of tokens is not known.
 */
record SoftOverlongPunishment(RewardOptions.Overlong lengths) implements Reward {
  @Override
  public String name() {
    return "soft_overlong_punishment";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    return samples.stream().mapToDouble(sample -> score(sample.completionTokens())).toArray();
  }

  private double score(int tokens) {
    int unpunished = lengths.maxLength() - lengths.cache();
    if (tokens < 0) {
      return Double.NaN;
    }
    if (tokens <= unpunished) {
      return 0;
    }
    return tokens <= lengths.maxLength() ? (unpunished - tokens) / (double) lengths.cache() : -1;
  }
}
