package org.rlkd.core.math;

import java.text.Normalizer;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Unicode, words and spacing that mean the same as plain LaTeX, rewritten to it before an answer is
 * read.
 */
final class AnswerNotation {
  private static final Map<Character, String> SYMBOLS =
      Map.ofEntries(
          Map.entry('\u2212', "-"),
          Map.entry('\u2013', "-"),
          Map.entry('\u00d7', "\\times "),
          Map.entry('\u00b7', "\\cdot "),
          Map.entry('\u22c5', "\\cdot "),
          Map.entry('\u00f7', "\\div "),
          Map.entry('\u221a', "\\sqrt "),
          Map.entry('\u03c0', "\\pi "),
          Map.entry('\u221e', "\\infty "),
          Map.entry('\u2264', "\\le "),
          Map.entry('\u2265', "\\ge "),
          Map.entry('\u2260', "\\ne "),
          Map.entry('\u2248', "\\approx "),
          Map.entry('\u00b1', "\\pm "),
          Map.entry('\u2213', "\\mp "),
          Map.entry('\u222a', "\\cup "),
          Map.entry('\u2229', "\\cap "),
          Map.entry('\u2205', "\\emptyset "),
          Map.entry('\u2208', "\\in "),
          Map.entry('\u00b0', "^\\circ "),
          Map.entry('\u03b8', "\\theta "),
          Map.entry('\u00b2', "^{2}"),
          Map.entry('\u00b3', "^{3}"),
          Map.entry('\u00bd', "\\frac{1}{2}"),
          Map.entry('\u00bc', "\\frac{1}{4}"),
          Map.entry('\u00be', "\\frac{3}{4}"),
          Map.entry('\u20ac', ""),
          Map.entry('\u00a3', ""),
          Map.entry('\u3001', ", "));

  private static final String NUMBER_WORDS =
      "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
          + " seventeen eighteen nineteen twenty";

  private static final Map<String, Integer> DENOMINATORS =
      Map.of(
          "half",
          2,
          "halves",
          2,
          "third",
          3,
          "thirds",
          3,
          "quarter",
          4,
          "quarters",
          4,
          "fourth",
          4,
          "fourths",
          4);

  private static final String CJK_DIGITS = "〇一二三四五六七八九十";

  private static final Pattern WORD_FRACTION =
      Pattern.compile("(?:(?<count>[a-z]+)[ -])?(?<part>hal(?:f|ves)|thirds?|quarters?|fourths?)");

  /** "(mod 7)" says of what ring the answer is; the answer is what stands before it. */
  private static final String MODULUS =
      "\\\\pmod\\s*(?:\\{[^{}]*\\}|\\w)|\\(\\s*\\\\?b?mod\\s*\\d+\\s*\\)";

  private AnswerNotation() {}

  static String normalize(String answer) {
    StringBuilder plain = new StringBuilder();
    for (int i = 0; i < answer.length(); i++) {
      String replacement = SYMBOLS.get(answer.charAt(i));
      plain.append(replacement == null ? String.valueOf(answer.charAt(i)) : replacement);
    }
    String text = Normalizer.normalize(plain, Normalizer.Form.NFKC);
    text =
        text.replace("\\\\boxed", "\\boxed")
            .replace("{,}", ",")
            .replace("{.}", ".")
            .replaceAll(",\\s*\\\\!\\s*", ",")
            .replace("\\!", "")
            .replaceAll(MODULUS, "")
            .strip();
    return number(text.toLowerCase(Locale.ROOT).replaceAll("[.\\s]+$", "")).orElse(text);
  }

  /** A number written as a word and nothing else. */
  private static java.util.Optional<String> number(String text) {
    if (text.length() == 1 && CJK_DIGITS.indexOf(text) >= 0) {
      return java.util.Optional.of(String.valueOf(CJK_DIGITS.indexOf(text)));
    }
    int count = wordValue(text);
    if (count >= 0) {
      return java.util.Optional.of(String.valueOf(count));
    }
    Matcher fraction = WORD_FRACTION.matcher(text);
    if (fraction.matches()) {
      String counted = fraction.group("count");
      int numerator = counted == null || counted.equals("a") ? 1 : wordValue(counted);
      if (numerator >= 0) {
        return java.util.Optional.of(numerator + "/" + DENOMINATORS.get(fraction.group("part")));
      }
    }
    return java.util.Optional.empty();
  }

  private static int wordValue(String word) {
    String[] words = NUMBER_WORDS.split(" ");
    for (int i = 0; i < words.length; i++) {
      if (words[i].equals(word)) {
        return i;
      }
    }
    return -1;
  }
}
