package org.rlkd.engine.gsrm;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/** Splits reasoning into sentences. */
final class Sentences {
  /** After a full stop, question or exclamation mark that white space follows, and at line ends. */
  private static final Pattern BOUNDARY = Pattern.compile("(?<=[.!?])\\s+|\\s*\\n\\s*");

  private Sentences() {}

  /** The sentences in their order, without surrounding white space; none for a blank text. */
  static List<String> of(String text) {
    return Arrays.stream(BOUNDARY.split(text.strip())).filter(s -> !s.isBlank()).toList();
  }
}
