package org.rlkd.engine.tokenizer;

import java.util.Arrays;

/**
 * Text of a growing token sequence, piece by piece. Characters whose bytes are spread over several
 * tokens come out whole, when their last token has arrived; the pieces together with {@link
 * #finish()} are exactly {@code decode} of the whole sequence.
 *
 * <p>Not thread-safe; one stream for each sequence.
 */
public final class DecodeStream {

  private static final char REPLACEMENT = '\uFFFD';

  private final Tokenizer tokenizer;
  private final boolean skipSpecialTokens;
  private int[] tokens = new int[64];
  private int size;

  /**
   * Decoding starts here, one emitted piece back, so that a decoder's treatment of a sequence's
   * start cannot show.
   */
  private int windowStart;

  /** Tokens before this index have been emitted. */
  private int emitted;

  DecodeStream(Tokenizer tokenizer, boolean skipSpecialTokens) {
    this.tokenizer = tokenizer;
    this.skipSpecialTokens = skipSpecialTokens;
  }

  /** Appends a token and returns the text that is now certain, possibly empty. */
  public String push(int token) {
    if (size == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * size);
    }
    tokens[size++] = token;
    String window = decode(windowStart, size);
    if (window.isEmpty() || window.charAt(window.length() - 1) == REPLACEMENT) {
      return "";
    }
    return emit(window);
  }

  /**
   * Returns what was held back: the bytes of an incomplete character, each as U+FFFD where {@code
   * decode} does so.
   */
  public String finish() {
    return emit(decode(windowStart, size));
  }

  private String emit(String window) {
    String before = decode(windowStart, emitted);
    windowStart = emitted;
    emitted = size;
    return window.substring(before.length());
  }

  private String decode(int from, int to) {
    return from == to
        ? ""
        : tokenizer.decode(Arrays.copyOfRange(tokens, from, to), skipSpecialTokens);
  }
}
