package org.rlkd.core.reward;

/** The part of a completion or of a teacher's generation that is reasoning. */
public final class ReasoningText {
  private static final String OPEN = "<think>";
  private static final String CLOSE = "</think>";

  private ReasoningText() {}

  /**
   * What stands before the first {@code </think>}, or all of it where that is missing (cut off), a
   * leading {@code <think>} taken off.
   */
  public static String of(String generation) {
    int close = generation.indexOf(CLOSE);
    String reasoning = (close >= 0 ? generation.substring(0, close) : generation).strip();
    return reasoning.startsWith(OPEN) ? reasoning.substring(OPEN.length()).strip() : reasoning;
  }
}
