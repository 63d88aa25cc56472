package org.rlkd.core.math;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Verdicts as open-r1's reward functions get them from math-verify 0.9: its way to find answers,
 * and its known differences from {@link MathAnswer}'s equality.
 *
 * <p>An answer is found only in a box or in a formula after the word "answer"; several boxes count
 * together where fewer than ten characters, or fewer than seventy with a comma, "and" or "or",
 * stand between them. An answer with a fraction or root without braces is not understood. Numbers
 * that are not integers are equal when they round to the same six decimals. An inequality as the
 * answer never equals an interval.
 */
public final class OpenR1Answer {
  /** What the reference answer may look like. */
  public enum GoldForm {
    /** A formula in dollars, a box, or a number (accuracy). */
    ANY,
    /** LaTeX without dollars (accuracy_open_math). */
    BARE_LATEX,
    /** A formula in dollars or a box (length, cosine). */
    LATEX
  }

  /** A formula between delimiters, of bounded length so that a hostile text costs bounded time. */
  private static final String FORMULA =
      "(?:(?<!\\\\)\\$\\$(.{1,2000}?)(?<!\\\\)\\$\\$"
          + "|(?<!\\\\)\\\\\\[(.{1,2000}?)(?<!\\\\)\\\\\\]"
          + "|(?<![\\\\\\d$])\\$((?:\\\\\\$|[^\\n$]){1,2000}?)(?<!\\\\)\\$"
          + "|(?<!\\\\)\\\\\\(([^\\n]{1,2000}?)(?<!\\\\)\\\\\\)"
          + "|(-?\\\\frac\\{-?\\d+(?:[.,]\\d+)?\\}\\{-?\\d+(?:[.,]\\d+)?\\}))";

  private static final String FORMULAS = FORMULA + "(?:\\s*(?:,?and|,?or|,)\\s*" + FORMULA + ")?";

  private static final Pattern HOPE =
      anchored("(?i:final answer is):?\\s*" + FORMULAS + "\\.?\\s?I hope");

  private static final List<Pattern> ANCHORS =
      List.of(
          anchored("(?i:final answer.{0,100}?)\\s+is:?\\s*" + FORMULAS),
          anchored("(?i:answer):.{0,50}?" + FORMULAS),
          anchored("(?i:answer).{0,50}?" + FORMULAS));

  private static final Pattern PLAIN_FORMULA = anchored(FORMULAS);

  private static final Pattern NUMBER =
      Pattern.compile("(?:^|[\\s=])\\$?(-?\\(?-?\\d[\\d.\\s+\\-*/^()]*|-?[\\d.,]*\\d)\\s*%?");

  private static final Pattern SEPARATOR = Pattern.compile("\\b(?:and|or)\\b|[,;]");

  /** Boxes this close count together whatever stands between them. */
  private static final int NEAR = 10;

  /** Boxes this close count together if a separator stands between them. */
  private static final int WITHIN_SEPARATOR = 70;

  private static final Pattern WITHOUT_BRACES =
      Pattern.compile(
          "\\\\[dtc]?frac\\s*\\d|\\\\[dtc]?frac\\s*\\{[^{}]*\\}\\s*\\d|\\\\sqrt\\s*\\d");

  /** Notation that math-verify does not read. */
  private static final Pattern UNREAD =
      Pattern.compile(
          "\\d(?:\\\\,|~|\\s)\\s*\\d|\\d[eE][+-]?\\d|\\{\\.\\}|\\\\overline|\\\\langle|\\\\varnothing|\\\\log(?!_)|[^\\x00-\\x7f\\u2212]|[.,]\\s*$");

  private static final Pattern LETTERS = Pattern.compile("[a-zA-Z ]+");

  private static final int ROUNDING_DECIMALS = 6;

  private OpenR1Answer() {}

  private static Pattern anchored(String regex) {
    return Pattern.compile(regex, Pattern.DOTALL);
  }

  /** Whether the completion's answer is right; nothing if the reference answer cannot be read. */
  public static Optional<Boolean> verify(String gold, String completion, GoldForm form) {
    Optional<String> goldText = gold(gold, form);
    if (goldText.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        answer(completion).filter(answer -> equal(goldText.get(), answer)).isPresent());
  }

  private static Optional<String> gold(String gold, GoldForm form) {
    Optional<String> found =
        form == GoldForm.BARE_LATEX
            ? Optional.of(gold)
            : rightmost(PLAIN_FORMULA, gold).map(Found::text);
    String latex = boxes(found.orElse(gold)).or(() -> found).orElse("");
    if (latex.isEmpty() && form == GoldForm.ANY) {
      Matcher number = NUMBER.matcher(gold);
      while (number.find()) {
        latex = number.group(1);
      }
    }
    return Optional.of(latex.strip())
        .filter(answer -> !answer.isEmpty() && !answer.equals("\\boxed{}"));
  }

  private record Found(String text, int end) {}

  private static Optional<String> answer(String completion) {
    Optional<Found> hope = rightmost(HOPE, completion);
    Optional<String> boxes = boxes(completion);
    if (boxes.isPresent()
        && hope.filter(found -> found.end > completion.lastIndexOf('}')).isEmpty()) {
      return boxes;
    }
    if (hope.isPresent()) {
      return hope.map(Found::text);
    }
    for (Pattern anchor : ANCHORS) {
      Optional<Found> found = rightmost(anchor, completion);
      if (found.isPresent()) {
        return found.map(Found::text);
      }
    }
    return Optional.empty();
  }

  private static Optional<Found> rightmost(Pattern pattern, String text) {
    Found last = null;
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      List<String> formulas = new ArrayList<>();
      for (int group = 1; group <= matcher.groupCount(); group++) {
        if (matcher.group(group) != null) {
          formulas.add(matcher.group(group));
        }
      }
      last = new Found(String.join(",", formulas), matcher.end());
    }
    return Optional.ofNullable(last);
  }

  /**
   * The last box and those near it, joined by commas; nothing unless a box has content and a brace
   * closes after it.
   */
  private static Optional<String> boxes(String text) {
    int first = text.indexOf("\\boxed{");
    int lastBrace = text.lastIndexOf('}');
    if (first < 0 || lastBrace <= first + "\\boxed{".length()) {
      return Optional.empty();
    }
    String boxed = text.substring(first, lastBrace + 1);
    List<String> contents = new ArrayList<>();
    int nextStart = boxed.length();
    for (int start = lastBox(boxed, nextStart); start >= 0; start = lastBox(boxed, start)) {
      int open = boxed.indexOf('{', start);
      int close = closingBrace(boxed, open, nextStart);
      if (close < 0) {
        if (contents.isEmpty()) {
          contents.add(boxed.substring(open));
        }
        break;
      }
      String content = boxed.substring(open + 1, close).strip();
      if (!contents.isEmpty()
          && !joined(boxed.substring(close + 1, nextStart), content, contents)) {
        break;
      }
      if (contents.isEmpty() || !contents.get(contents.size() - 1).equals(content)) {
        contents.add(content);
      }
      nextStart = start;
    }
    Collections.reverse(contents);
    return Optional.of(String.join(",", contents));
  }

  private static int lastBox(String text, int before) {
    return Math.max(
        text.lastIndexOf("\\boxed{", before - 1), text.lastIndexOf("\\fbox{", before - 1));
  }

  private static boolean joined(String between, String content, List<String> contents) {
    return between.length() < NEAR
        || (between.length() < WITHIN_SEPARATOR
            && !content.equals(contents.get(contents.size() - 1))
            && SEPARATOR.matcher(between).find());
  }

  private static int closingBrace(String text, int open, int limit) {
    int depth = 0;
    for (int i = open; i < limit; i++) {
      depth += text.charAt(i) == '{' ? 1 : text.charAt(i) == '}' ? -1 : 0;
      if (depth == 0) {
        return i;
      }
    }
    return -1;
  }

  private static boolean equal(String gold, String answer) {
    if (answer.length() > LatexLexer.MAX_LENGTH || WITHOUT_BRACES.matcher(answer).find()) {
      return false;
    }
    if (UNREAD.matcher(answer).find()) {
      return gold.equals(answer);
    }
    Optional<Answer> parsed = parse(answer);
    Optional<Answer> goldParsed = parse(gold);
    if (isInequality(parsed) && !isInequality(goldParsed)) {
      return false;
    }
    if (answer.contains("\\sqrt{-")
        || !AnswerNotation.normalize(gold).equals(gold) && LETTERS.matcher(gold).matches()) {
      return false; // roots are real, and words are no numbers
    }
    return MathAnswer.equal(gold, answer) || equalRounded(goldParsed, parsed);
  }

  private static Optional<Answer> parse(String text) {
    try {
      return Optional.of(AnswerParser.parse(AnswerNotation.normalize(text)));
    } catch (Unparsable | ArithmeticException e) {
      return Optional.empty();
    }
  }

  private static boolean isInequality(Optional<Answer> answer) {
    return answer
        .filter(a -> a instanceof Answer.Relation relation && !relation.isEquation())
        .isPresent();
  }

  /** Fractions and decimals, not integers. */
  private static boolean equalRounded(Optional<Answer> gold, Optional<Answer> answer) {
    Optional<BigDecimal> one = rounded(gold);
    return one.isPresent() && one.equals(rounded(answer));
  }

  private static Optional<BigDecimal> rounded(Optional<Answer> answer) {
    return answer
        .filter(Answer.Scalar.class::isInstance)
        .flatMap(scalar -> ExactEvaluator.evaluate(((Answer.Scalar) scalar).expression()))
        .filter(value -> !value.isInteger())
        .map(
            value ->
                new BigDecimal(value.numerator())
                    .divide(
                        new BigDecimal(value.denominator()),
                        ROUNDING_DECIMALS,
                        RoundingMode.HALF_EVEN));
  }
}
