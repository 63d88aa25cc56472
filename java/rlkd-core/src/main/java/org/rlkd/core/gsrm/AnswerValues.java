package org.rlkd.core.gsrm;

import java.util.Optional;
import org.rlkd.core.math.MathAnswer;

/** Whether two answers have the same value, where both are values. */
public final class AnswerValues {
  private AnswerValues() {}

  /**
   * Compares mathematics as mathematics, and prose by the last number in it.
   *
   * @return nothing where one of the texts has no value: their words decide then
   */
  public static Optional<Boolean> equal(String one, String other) {
    if (isMath(one) || isMath(other)) {
      return Optional.of(MathAnswer.equal(one, other));
    }
    return equal(LexicalWords.of(one), LexicalWords.of(other));
  }

  static Optional<Boolean> equal(LexicalWords one, LexicalWords other) {
    return one.lastNumber() == null || other.lastNumber() == null
        ? Optional.empty()
        : Optional.of(one.lastNumber().equals(other.lastNumber()));
  }

  static boolean isMath(String answer) {
    return answer.indexOf('\\') >= 0 || answer.indexOf('$') >= 0;
  }
}
