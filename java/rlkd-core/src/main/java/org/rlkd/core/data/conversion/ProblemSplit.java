package org.rlkd.core.data.conversion;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.text.Normalizer;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Which problems are for testing: a share of them, by the hash of the problem's text. Problems that
 * differ only in their typesetting go the same way, in whatever file they stand.
 *
 * @param testShare in [0, 1]
 * @param seed another seed is another split
 */
public record ProblemSplit(double testShare, long seed) {
  /** LaTeX that changes the looks alone. */
  private static final Pattern TYPESETTING =
      Pattern.compile(
          "\\\\(left|right|displaystyle|textstyle|quad|qquad|,|!|;|:|\\(|\\)|\\[|\\]| )");

  /** All that is neither letter nor digit nor a sign of arithmetic. */
  private static final Pattern FILLING = Pattern.compile("[^\\p{L}\\p{N}+\\-*/^=<>]+");

  /** Whether a problem is for testing. */
  public boolean isTest(String problem) {
    byte[] hash =
        sha256().digest((seed + " " + normalized(problem)).getBytes(StandardCharsets.UTF_8));
    long bits = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      bits = bits << 8 | (hash[i] & 0xff);
    }
    return (bits >>> 11) * 0x1p-53 < testShare;
  }

  /**
   * A problem's text without what typesetting and copying change: letters, digits and signs of
   * arithmetic in lower case, in Unicode's compatibility form.
   */
  static String normalized(String problem) {
    String text = Normalizer.normalize(problem, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac");
    return FILLING.matcher(TYPESETTING.matcher(text).replaceAll(" ")).replaceAll("");
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }
}
