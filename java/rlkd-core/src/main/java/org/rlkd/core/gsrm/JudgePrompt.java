package org.rlkd.core.gsrm;

import java.util.Locale;
import java.util.Map;

/**
 * The question that models are asked about two texts, and how their answer is read.
 *
 * <p>What all questions of an aspect share comes first, then the teacher's text, then the
 * student's: questions about the same teacher step share the longest possible beginning.
 */
public final class JudgePrompt {
  /** Changes with the wording. */
  public static final String VERSION = "1";

  /** Below this, what the model thinks of yes and no together says nothing about either. */
  private static final double LEAST_MASS = 0.05;

  private JudgePrompt() {}

  /** The user message. */
  public static String of(JudgeQuestion question) {
    return beginning(question) + question.student().strip() + end(question.aspect());
  }

  /** The part that questions about the same teacher text share. */
  public static String beginning(JudgeQuestion question) {
    return switch (question.aspect()) {
          case META_REASONING ->
              "Two people solve the same problem. Each says what to do next and why. Do both set out"
                  + " to settle the same thing? Other words and more or less detail do not matter.";
          case QUERY ->
              "Two people solve the same problem. Each states the question to be answered next. Do"
                  + " both ask for the same thing? Other words do not matter.";
          case ANSWER ->
              "Two people answered the same question. Are the two answers the same in value or"
                  + " meaning? Units, wording and the way a number is written do not matter.";
        }
        + " Answer with one word: yes or no.\n\nFirst: "
        + question.teacher().strip()
        + "\n\nSecond: ";
  }

  private static String end(Aspect aspect) {
    return switch (aspect) {
      case META_REASONING -> "\n\nDo both set out to settle the same thing, yes or no?";
      case QUERY -> "\n\nDo both ask for the same thing, yes or no?";
      case ANSWER -> "\n\nAre the two answers the same, yes or no?";
    };
  }

  /**
   * The verdict of a model's first token, else of its first word.
   *
   * @param text what the model said
   * @param firstToken probabilities of its likeliest first tokens; may be empty
   */
  public static Verdict read(String text, Map<String, Double> firstToken) {
    double yes = 0;
    double no = 0;
    for (Map.Entry<String, Double> token : firstToken.entrySet()) {
      String word = word(token.getKey());
      yes += word.equals("yes") ? token.getValue() : 0;
      no += word.equals("no") ? token.getValue() : 0;
    }
    if (yes + no >= LEAST_MASS) {
      return Verdict.of(yes / (yes + no));
    }
    String first = word(text.strip().split("[\\s,.;:!?]", 2)[0]);
    if (first.equals("yes") || first.equals("no")) {
      return Verdict.of(first.equals("yes") ? 1 : 0);
    }
    String line = text.strip().replaceAll("\\s+", " ");
    return Verdict.failed(
        "expected yes or no, found: "
            + (line.isEmpty()
                ? "nothing"
                : line.length() > 120 ? line.substring(0, 120) + "..." : line));
  }

  /** Letters only, in lower case. */
  private static String word(String token) {
    return token.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}]", "");
  }
}
