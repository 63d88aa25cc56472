package org.rlkd.engine.generation;

import java.util.List;
import org.rlkd.engine.tokenizer.DecodeStream;
import org.rlkd.engine.tokenizer.Tokenizer;

/**
 * Finds stop strings in the text of one completion as its tokens arrive. Special tokens count as
 * text, so that {@code <|im_end|>} can be a stop string. A stop string may begin in one token and
 * end in another; a character is looked at once its last byte is there.
 */
final class StopStringMatcher {
  private final DecodeStream stream;
  private final List<String> stopStrings;
  private final int longest;
  private final StringBuilder tail = new StringBuilder();

  StopStringMatcher(Tokenizer tokenizer, List<String> stopStrings) {
    this.stream = tokenizer.decodeStream(false);
    this.stopStrings = stopStrings;
    this.longest = stopStrings.stream().mapToInt(String::length).max().orElseThrow();
  }

  /** Appends a token; true if the text now contains a stop string. */
  boolean push(int token) {
    tail.append(stream.push(token));
    for (String stop : stopStrings) {
      if (tail.indexOf(stop) >= 0) {
        return true;
      }
    }
    // What a match that ends later can still need.
    tail.delete(0, Math.max(0, tail.length() - (longest - 1)));
    return false;
  }
}
