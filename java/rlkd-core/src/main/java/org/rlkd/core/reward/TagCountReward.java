package org.rlkd.core.reward;

import java.util.List;

/**
 * A quarter for each of {@code <think>}, {@code </think>}, {@code <answer>}, {@code </answer>} that
 * occurs exactly once.
 *
 * <p>Ours: the bare tags; {@code <think>} exactly never if the prompt opened it. open-r1's: with
 * the line breaks that its format has around them.
 */
record TagCountReward(Compatibility compatibility, boolean thinkOpenedByPrompt) implements Reward {
  private static final List<String> TAGS = List.of("<think>", "</think>", "<answer>", "</answer>");
  private static final List<String> OPEN_R1 =
      List.of("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>");

  @Override
  public String name() {
    return "tag_count";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    return samples.stream().mapToDouble(sample -> score(sample.completion())).toArray();
  }

  private double score(String completion) {
    double score = 0;
    if (compatibility == Compatibility.OPEN_R1) {
      for (String tag : OPEN_R1) {
        score += count(completion, tag) == 1 ? 0.25 : 0;
      }
      return score;
    }
    for (String tag : TAGS) {
      int expected = thinkOpenedByPrompt && tag.equals("<think>") ? 0 : 1;
      score += count(completion, tag) == expected ? 0.25 : 0;
    }
    return score;
  }

  /** Occurrences that do not overlap, as Python's {@code str.count}. */
  private static int count(String text, String part) {
    int count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }
}
