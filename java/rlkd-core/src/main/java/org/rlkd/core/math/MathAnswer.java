package org.rlkd.core.math;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Extraction and equality of answers, in LaTeX, plain notation or words.
 *
 * <p>Equal are: numbers however they are written (fractions, mixed numbers, decimals, repeating
 * decimals, scientific notation, thousands separators, percentages with the number or its
 * hundredth), expressions that are the same function of their variables, equations with the same
 * solutions, intervals and the inequalities that describe them, points, sets, matrices, names and
 * choices. Units, currency signs and remarks are dropped. A rounded value is not the exact one.
 *
 * <p>Input may be hostile: length, nesting, digits and exponents are bounded, and what is beyond
 * the bounds is compared as text.
 */
public final class MathAnswer {
  private static final Pattern WRAPPER =
      Pattern.compile(
          "\\\\(?:text|textbf|textit|textrm|mbox|mathrm|mathbf|mathit|operatorname|boxed|fbox)\\s*\\{([^{}]*)\\}");

  private static final Pattern LAYOUT =
      Pattern.compile("\\\\(?:left|right|displaystyle|,|;|:|!|\\s|quad|qquad)|[$\\s~]");

  private static final Pattern CHOICE =
      Pattern.compile("\\(([A-Z])\\).*|([A-Z])(?:[.:)].*)?", Pattern.DOTALL);

  /** A number whose decimal separator is a comma. */
  private static final Pattern DECIMAL_COMMA = Pattern.compile("[-+]?\\d+,\\d+");

  private MathAnswer() {}

  /**
   * Finds the final answer in a text: after {@code </think>}, in the last {@code <answer>} block,
   * {@code \boxed} or "answer is", else the last formula or number.
   */
  public static Optional<String> extract(String text) {
    return AnswerExtractor.extract(text);
  }

  /**
   * Whether the final answer in a completion equals the reference answer, which may be boxed, in
   * dollars or bare.
   */
  public static boolean solves(String gold, String completion) {
    return extract(completion).filter(answer -> equal(reference(gold), answer)).isPresent();
  }

  /** Whether a reference answer holds anything to compare with. */
  public static boolean isReference(String gold) {
    return !layoutless(reference(gold)).isEmpty();
  }

  /** Whether two answers are equal; which of them is the reference does not matter. */
  public static boolean equal(String gold, String answer) {
    if (gold.length() > LatexLexer.MAX_LENGTH || answer.length() > LatexLexer.MAX_LENGTH) {
      return gold.strip().equals(answer.strip());
    }
    String goldText = AnswerNotation.normalize(gold);
    String answerText = AnswerNotation.normalize(answer);
    String goldPlain = layoutless(goldText);
    String answerPlain = layoutless(answerText);
    if (goldPlain.isEmpty() || answerPlain.isEmpty()) {
      return false;
    }
    if (goldPlain.equals(answerPlain)) {
      return true;
    }
    Matcher goldChoice = CHOICE.matcher(goldPlain);
    Matcher answerChoice = CHOICE.matcher(answerPlain);
    if (Math.min(goldPlain.length(), answerPlain.length()) <= 3
        && goldChoice.matches()
        && answerChoice.matches()) {
      return letter(goldChoice).equals(letter(answerChoice));
    }
    Optional<Answer> goldAnswer = parse(goldText);
    Optional<Answer> parsed = parse(answerText);
    if (goldAnswer.isEmpty() || parsed.isEmpty()) {
      return false;
    }
    if (AnswerEquality.equal(goldAnswer.get(), parsed.get())) {
      return true;
    }
    return isDecimalComma(answerPlain, goldAnswer.get()) || isDecimalComma(goldPlain, parsed.get());
  }

  /** Whether a text is a number with a decimal comma that equals a number. */
  private static boolean isDecimalComma(String plain, Answer number) {
    return number instanceof Answer.Scalar
        && DECIMAL_COMMA.matcher(plain).matches()
        && parse(plain.replace(',', '.'))
            .filter(value -> AnswerEquality.equal(number, value))
            .isPresent();
  }

  /** The answer in a reference that is a whole solution: its box, or what follows GSM8K's ####. */
  private static String reference(String gold) {
    return gold.contains("\\boxed") || gold.contains("####") ? extract(gold).orElse("") : gold;
  }

  private static Optional<Answer> parse(String text) {
    try {
      return Optional.of(AnswerParser.parse(text));
    } catch (Unparsable | ArithmeticException e) {
      return Optional.empty();
    }
  }

  /** The text without fonts, spacing and dollars. */
  private static String layoutless(String text) {
    String plain = text;
    for (String before = ""; !before.equals(plain); ) {
      before = plain;
      plain = WRAPPER.matcher(plain).replaceAll("$1");
    }
    return LAYOUT.matcher(plain).replaceAll("");
  }

  private static String letter(Matcher choice) {
    return choice.group(1) != null ? choice.group(1) : choice.group(2);
  }
}
