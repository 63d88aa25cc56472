package org.rlkd.engine.evaluation;

import java.util.Map;
import org.rlkd.core.data.Problem;
import org.rlkd.core.reward.RewardExplanation;
import org.rlkd.engine.generation.FinishReason;

/**
 * A sampled answer to a problem and what the rewards say of it.
 *
 * @param sample its index among the problem's samples
 * @param text the decoded completion, special tokens removed
 * @param tokens number of its tokens
 * @param scores by the name of each reward; NaN = unscorable
 * @param explanations by the name of each reward that explains itself
 */
public record EvaluatedCompletion(
    Problem problem,
    int sample,
    String text,
    int tokens,
    FinishReason finishReason,
    Map<String, Double> scores,
    Map<String, RewardExplanation> explanations) {}
