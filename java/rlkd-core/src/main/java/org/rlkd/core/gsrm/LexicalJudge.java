package org.rlkd.core.gsrm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.rlkd.core.math.MathAnswer;

/**
 * The judge without a model: compares words. Yes or no, never fails, deterministic, symmetric. Each
 * distinct text of a batch is split into words once and each distinct pair of texts compared once.
 *
 * <p>Meta-reasonings and queries agree if their content words (see {@code LexicalWords}) are the
 * same, or overlap enough by F1. Answers agree if their values are equal where both have one (the
 * last number, or a mathematical expression), else like queries. An empty text agrees with nothing.
 */
public final class LexicalJudge implements Judge {
  /**
   * F1 from which two texts agree when the shorter has at most {@link #SHORT} content words. Short
   * texts name the quantities at work and little else, so of up to four words none may differ (3 of
   * 4 = 0.75), of five to eight one.
   */
  static final double SHORT_THRESHOLD = 0.8;

  /**
   * F1 from which longer texts agree: they paraphrase, and 0.6 still shares well over half of the
   * content.
   */
  static final double LONG_THRESHOLD = 0.6;

  /**
   * Most content words of a short text: one sentence that names an operation, its operands and its
   * result.
   */
  static final int SHORT = 8;

  @Override
  public List<Judgement> judge(List<StepPair> pairs) {
    Batch batch = new Batch();
    List<Judgement> judgements = new ArrayList<>(pairs.size());
    for (StepPair pair : pairs) {
      Step student = pair.student();
      Step teacher = pair.teacher();
      judgements.add(
          new Judgement(
              batch.sameTask(student.metaReasoning(), teacher.metaReasoning()) ? 1 : 0,
              batch.sameTask(student.query(), teacher.query()) ? 1 : 0,
              batch.sameAnswer(student.answer(), teacher.answer()) ? 1 : 0));
    }
    return judgements;
  }

  private record TextPair(String one, String other) {
    static TextPair of(String a, String b) {
      return a.compareTo(b) <= 0 ? new TextPair(a, b) : new TextPair(b, a);
    }
  }

  /** Remembers what it has seen during one call. */
  private static final class Batch {
    private final Map<String, LexicalWords> words = new HashMap<>();
    private final Map<TextPair, Boolean> tasks = new HashMap<>();
    private final Map<TextPair, Boolean> answers = new HashMap<>();

    boolean sameTask(String one, String other) {
      return tasks.computeIfAbsent(
          TextPair.of(one, other),
          pair -> sameText(pair.one, pair.other) || overlaps(words(pair.one), words(pair.other)));
    }

    boolean sameAnswer(String one, String other) {
      return answers.computeIfAbsent(
          TextPair.of(one, other), pair -> answersAgree(pair.one, pair.other));
    }

    private boolean answersAgree(String one, String other) {
      LexicalWords oneWords = words(one);
      LexicalWords otherWords = words(other);
      if (one.isBlank() || other.isBlank()) {
        return false;
      }
      if (sameText(one, other)
          || (oneWords.words().equals(otherWords.words()) && !oneWords.words().isEmpty())) {
        return true;
      }
      return AnswerValues.isMath(one) || AnswerValues.isMath(other)
          ? MathAnswer.equal(one, other)
          : AnswerValues.equal(oneWords, otherWords)
              .orElseGet(() -> overlaps(oneWords, otherWords));
    }

    private LexicalWords words(String text) {
      return words.computeIfAbsent(text, LexicalWords::of);
    }
  }

  /** A text of stop words alone agrees with itself. */
  private static boolean sameText(String one, String other) {
    return !one.isBlank() && one.strip().equals(other.strip());
  }

  private static boolean overlaps(LexicalWords one, LexicalWords other) {
    if (one.words().isEmpty() || other.words().isEmpty()) {
      return false;
    }
    if (one.words().equals(other.words())) {
      return true;
    }
    boolean isShort = Math.min(one.words().size(), other.words().size()) <= SHORT;
    if (isShort && one.sources() != null && other.sources() != null) {
      // "plums from keys" is not "keys from plums"
      if (f1(shared(one.sources(), other.sources()), one.sources(), other.sources())
          < SHORT_THRESHOLD) {
        return false;
      }
    }
    int shared =
        one.order() || other.order()
            ? longestCommonSubsequence(one.words(), other.words())
            : shared(one.counts(), other.counts());
    return f1(shared, one.counts(), other.counts()) >= (isShort ? SHORT_THRESHOLD : LONG_THRESHOLD);
  }

  private static int shared(Map<String, Integer> one, Map<String, Integer> other) {
    int shared = 0;
    for (Map.Entry<String, Integer> word : one.entrySet()) {
      shared += Math.min(word.getValue(), other.getOrDefault(word.getKey(), 0));
    }
    return shared;
  }

  private static double f1(int shared, Map<String, Integer> one, Map<String, Integer> other) {
    int words = total(one) + total(other);
    return words == 0 ? 1 : 2.0 * shared / words;
  }

  private static int total(Map<String, Integer> counts) {
    return counts.values().stream().mapToInt(Integer::intValue).sum();
  }

  /** Words beyond this many are not looked at: bounds the time on hostile texts. */
  private static final int LONGEST_SEQUENCE = 400;

  private static int longestCommonSubsequence(List<String> one, List<String> other) {
    int n = Math.min(one.size(), LONGEST_SEQUENCE);
    int m = Math.min(other.size(), LONGEST_SEQUENCE);
    int[] row = new int[m + 1];
    for (int i = 0; i < n; i++) {
      int diagonal = 0;
      for (int j = 1; j <= m; j++) {
        int above = row[j];
        row[j] = one.get(i).equals(other.get(j - 1)) ? diagonal + 1 : Math.max(above, row[j - 1]);
        diagonal = above;
      }
    }
    return row[m];
  }
}
