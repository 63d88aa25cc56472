package org.rlkd.core.reward;

import java.util.List;

/**
 * A reward that can say how it came to its scores, for {@code completions.jsonl} and the report.
 */
public interface ExplainedReward extends Reward {
  /** Scores and explains: one explanation per sample in the same order. */
  List<? extends RewardExplanation> explain(List<RewardSample> samples);

  @Override
  default double[] score(List<RewardSample> samples) {
    return explain(samples).stream().mapToDouble(RewardExplanation::reward).toArray();
  }
}
