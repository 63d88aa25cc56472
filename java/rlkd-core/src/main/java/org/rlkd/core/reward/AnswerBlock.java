package org.rlkd.core.reward;

import java.util.Optional;

/**
 * The two parts of a well-formed completion, {@code
 * <think>reasoning</think><answer>answer</answer>}: each tag once, in this order, nothing but white
 * space outside, both parts not blank.
 */
record AnswerBlock(String reasoning, String answer) {
  private static final String[] TAGS = {"<think>", "</think>", "<answer>", "</answer>"};

  /** The parts, or nothing if the completion is not of this form. */
  static Optional<AnswerBlock> of(String completion, boolean thinkOpenedByPrompt) {
    String text = (thinkOpenedByPrompt ? TAGS[0] : "") + completion.strip();
    int[] at = new int[TAGS.length];
    for (int i = 0; i < TAGS.length; i++) {
      at[i] = text.indexOf(TAGS[i]);
      if (at[i] < 0 || at[i] != text.lastIndexOf(TAGS[i])) {
        return Optional.empty();
      }
    }
    boolean ordered = at[0] == 0 && at[0] < at[1] && at[1] < at[2] && at[2] < at[3];
    if (!ordered || at[3] + TAGS[3].length() != text.length()) {
      return Optional.empty();
    }
    String reasoning = text.substring(TAGS[0].length(), at[1]);
    String between = text.substring(at[1] + TAGS[1].length(), at[2]);
    String answer = text.substring(at[2] + TAGS[2].length(), at[3]);
    return reasoning.isBlank() || answer.isBlank() || !between.isBlank()
        ? Optional.empty()
        : Optional.of(new AnswerBlock(reasoning, answer));
  }
}
