package org.rlkd.core.reward;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A third for each sign of step-by-step reasoning ("Step 1:", "2.", a bullet, "First,"), at most 1.
 *
 * <p>Ours sees a number or bullet at the start of every line; open-r1's sees a number at the start
 * of the text only and a bullet only after a line break.
 */
record ReasoningStepsReward(Compatibility compatibility) implements Reward {
  private static final Pattern OURS =
      Pattern.compile(
          "Step \\d+:|^\\d+\\.|^[-*]|First,|Second,|Next,|Finally,",
          Pattern.MULTILINE | Pattern.UNIX_LINES);

  private static final Pattern OPEN_R1 =
      Pattern.compile(
          "Step \\d+:|^\\d+\\.|\\n-|\\n\\*|First,|Second,|Next,|Finally,",
          Pattern.UNICODE_CHARACTER_CLASS);

  private static final double STEPS_FOR_FULL_SCORE = 3;

  @Override
  public String name() {
    return "reasoning_steps";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    return samples.stream().mapToDouble(sample -> score(sample.completion())).toArray();
  }

  private double score(String completion) {
    Matcher sign = (compatibility == Compatibility.OPEN_R1 ? OPEN_R1 : OURS).matcher(completion);
    int count = 0;
    while (sign.find()) {
      count++;
    }
    return Math.min(1, count / STEPS_FOR_FULL_SCORE);
  }
}
