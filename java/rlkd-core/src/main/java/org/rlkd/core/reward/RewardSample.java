package org.rlkd.core.reward;

import org.rlkd.core.data.Problem;

/**
 * A completion to be scored.
 *
 * @param completion the decoded text, special tokens removed
 * @param completionTokens number of its tokens, the end-of-sequence token included; -1 = not known
 * @param truncated it was cut off by the token limit
 */
public record RewardSample(
    Problem problem, String completion, int completionTokens, boolean truncated) {}
