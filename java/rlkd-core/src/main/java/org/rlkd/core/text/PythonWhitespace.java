package org.rlkd.core.text;

import java.util.ArrayList;
import java.util.List;

/**
 * White space as Python's {@code str.isspace} sees it: what {@code str.strip()} removes and {@code
 * str.split()} splits at.
 *
 * <p>It is Unicode's White_Space plus the separators U+001C to U+001F.
 */
public final class PythonWhitespace {
  private PythonWhitespace() {}

  /** Whether the character is white space. */
  public static boolean is(char c) {
    return (c >= 0x09 && c <= 0x0d)
        || (c >= 0x1c && c <= 0x20)
        || c == 0x85
        || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  /** The text without white space at both ends. */
  public static String strip(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && is(text.charAt(start))) {
      start++;
    }
    while (end > start && is(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  /** The runs of other characters, in order. */
  public static List<String> split(String text) {
    List<String> words = new ArrayList<>();
    int start = -1;
    for (int i = 0; i <= text.length(); i++) {
      if (i == text.length() || is(text.charAt(i))) {
        if (start >= 0) {
          words.add(text.substring(start, i));
        }
        start = -1;
      } else if (start < 0) {
        start = i;
      }
    }
    return words;
  }
}
