package org.rlkd.core.reward;

import java.util.List;
import java.util.regex.Pattern;

/**
 * 1 for a completion of the form {@code <think>reasoning</think><answer>answer</answer>}, else 0.
 *
 * <p>Ours: the whole completion has this form, each tag once, both parts not blank, white space
 * free between the parts; the leading tag is absent if the prompt opened it. open-r1's: each tag on
 * its own line, found at the start, and anything may follow on later lines; tags may be nested or
 * repeated.
 */
record FormatReward(Compatibility compatibility, boolean thinkOpenedByPrompt) implements Reward {
  /** Python's re.DOTALL | re.MULTILINE: only {@code \n} ends a line. */
  static final int OPEN_R1_FLAGS = Pattern.DOTALL | Pattern.MULTILINE | Pattern.UNIX_LINES;

  private static final Pattern OPEN_R1 =
      Pattern.compile("^<think>\\n.*?\\n</think>\\n<answer>\\n.*?\\n</answer>$", OPEN_R1_FLAGS);

  @Override
  public String name() {
    return "format";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    return samples.stream().mapToDouble(sample -> hasFormat(sample.completion()) ? 1 : 0).toArray();
  }

  private boolean hasFormat(String completion) {
    if (compatibility == Compatibility.OPEN_R1) {
      return OPEN_R1.matcher(completion).lookingAt();
    }
    return AnswerBlock.of(completion, thinkOpenedByPrompt).isPresent();
  }
}
