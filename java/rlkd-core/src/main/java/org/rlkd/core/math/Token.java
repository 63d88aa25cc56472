package org.rlkd.core.math;

/**
 * A piece of an answer's notation.
 *
 * @param text the digits, the letter, the word, the command's name without backslash, the symbol,
 *     or the content of a text group
 * @param value of a number, else null
 * @param spaceBefore white space stood before it
 */
record Token(Kind kind, String text, Rational value, boolean spaceBefore) {
  enum Kind {
    NUMBER,
    /** A variable of one letter. */
    LETTER,
    /** Several letters that are a word, not a product. */
    WORD,
    /** A {@code \text} group. */
    TEXT,
    COMMAND,
    /** {@code \begin} and the name of the environment. */
    BEGIN,
    /** {@code \end} and the name of the environment. */
    END,
    SYMBOL,
    /** After the last token. */
    STOP
  }

  boolean is(Kind wanted, String wantedText) {
    return kind == wanted && text.equals(wantedText);
  }

  boolean isSymbol(String wantedText) {
    return is(Kind.SYMBOL, wantedText);
  }
}
