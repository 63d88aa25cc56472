package org.rlkd.core.math;

import java.util.List;

/** The tokens of an answer, read from left to right; the last one is a {@code STOP}. */
final class TokenCursor {
  private final List<Token> tokens;
  private int at;

  TokenCursor(List<Token> tokens) {
    this.tokens = tokens;
  }

  /** All tokens, the ones read included. */
  List<Token> all() {
    return tokens;
  }

  /** The token that comes next. */
  Token peek() {
    return tokens.get(at);
  }

  /** A token further ahead; the {@code STOP} beyond the end. */
  Token peek(int ahead) {
    return tokens.get(Math.min(at + ahead, tokens.size() - 1));
  }

  /** Takes the next token; the {@code STOP} stays. */
  Token next() {
    Token token = peek();
    if (token.kind() != Token.Kind.STOP) {
      at++;
    }
    return token;
  }

  /** Passes over a token that was looked at. */
  void skip() {
    skip(1);
  }

  /** Passes over so many tokens that were looked at. */
  void skip(int count) {
    at += count;
  }

  /** Gives the last token taken back. */
  void back() {
    at--;
  }

  /** Takes the symbol if it comes next. */
  boolean accept(String symbol) {
    if (peek().isSymbol(symbol)) {
      at++;
      return true;
    }
    return false;
  }

  /** Takes the symbol. */
  void expect(String symbol) throws Unparsable {
    if (!accept(symbol)) {
      throw unexpected();
    }
  }

  Unparsable unexpected() {
    return new Unparsable("unexpected " + peek());
  }

  /** Whether a token is a word or a text in braces. */
  static boolean isText(Token token) {
    return token.kind() == Token.Kind.WORD || token.kind() == Token.Kind.TEXT;
  }
}
