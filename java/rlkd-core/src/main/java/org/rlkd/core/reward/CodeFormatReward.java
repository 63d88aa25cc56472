package org.rlkd.core.reward;

import java.util.List;
import java.util.regex.Pattern;

/**
 * 1 for a completion of the {@code format} form whose answer holds a code fence of the language,
 * else 0; each compatibility as in {@link FormatReward}.
 */
record CodeFormatReward(Compatibility compatibility, boolean thinkOpenedByPrompt, String language)
    implements Reward {
  @Override
  public String name() {
    return "code_format";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    Pattern openR1 =
        Pattern.compile(
            "^<think>\\n.*?\\n</think>\\n<answer>\\n.*?```"
                + Pattern.quote(language)
                + ".*?```.*?\\n</answer>$",
            FormatReward.OPEN_R1_FLAGS);
    return samples.stream()
        .map(RewardSample::completion)
        .mapToDouble(
            completion ->
                compatibility == Compatibility.OPEN_R1
                    ? openR1.matcher(completion).lookingAt() ? 1 : 0
                    : AnswerBlock.of(completion, thinkOpenedByPrompt)
                            .filter(block -> !CodeFence.last(block.answer(), language).isBlank())
                            .isPresent()
                        ? 1
                        : 0)
        .toArray();
  }
}
