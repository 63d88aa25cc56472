package org.rlkd.core.math;

/** Looks ahead for the fraction of a mixed number. */
final class MixedNumber {
  private MixedNumber() {}

  /** Whether a fraction follows that makes a mixed number: {@code 1\frac45} or {@code 3 1/2}. */
  static boolean isProperFraction(TokenCursor cursor) {
    if (cursor.peek().kind() == Token.Kind.COMMAND && cursor.peek().text().endsWith("frac")) {
      int middle = integerEnd(cursor, 1);
      int end = middle < 0 ? -1 : integerEnd(cursor, middle);
      return end >= 0 && integerBefore(cursor, middle).compareTo(integerBefore(cursor, end)) < 0;
    }
    return cursor.peek().kind() == Token.Kind.NUMBER
        && cursor.peek().spaceBefore()
        && cursor.peek(1).isSymbol("/")
        && cursor.peek(2).kind() == Token.Kind.NUMBER
        && cursor.peek().value().compareTo(cursor.peek(2).value()) < 0;
  }

  /** Where an integer ends, in braces or not, that starts so many tokens ahead; -1 if none does. */
  private static int integerEnd(TokenCursor cursor, int ahead) {
    if (isInteger(cursor.peek(ahead))) {
      return ahead + 1;
    }
    boolean braced =
        cursor.peek(ahead).isSymbol("{")
            && isInteger(cursor.peek(ahead + 1))
            && cursor.peek(ahead + 2).isSymbol("}");
    return braced ? ahead + 3 : -1;
  }

  private static Rational integerBefore(TokenCursor cursor, int ahead) {
    Token last = cursor.peek(ahead - 1);
    return isInteger(last) ? last.value() : cursor.peek(ahead - 2).value();
  }

  private static boolean isInteger(Token token) {
    return token.kind() == Token.Kind.NUMBER && token.value().isInteger();
  }
}
