package org.rlkd.core.reward;

import org.rlkd.core.UsageException;

/**
 * Options of the reward functions; names and defaults are open-r1's.
 *
 * @param thinkOpenedByPrompt the chat template ends the prompt with {@code <think>}, so the
 *     completion does not open it; ours, used by {@code format} and {@code tag_count} outside
 *     {@link Compatibility#OPEN_R1}
 * @param cosine {@code cosine_*}
 * @param repetitionNGrams {@code repetition_n_grams}: words in an n-gram, at least 1
 * @param repetitionMaxPenalty {@code repetition_max_penalty}: at most 0
 * @param codeLanguage {@code code_language}: the fence's language
 */
public record RewardOptions(
    Compatibility compatibility,
    boolean thinkOpenedByPrompt,
    Cosine cosine,
    int repetitionNGrams,
    double repetitionMaxPenalty,
    String codeLanguage) {

  /** open-r1's defaults. */
  public static final RewardOptions DEFAULTS =
      new RewardOptions(
          Compatibility.RLKD, false, new Cosine(0.0, -0.5, 0.5, 1.0, 1000), 3, -1.0, "python");

  /**
   * The five numbers of the cosine reward.
   *
   * @param maxLength {@code cosine_max_len}, in code points, at least 1
   */
  public record Cosine(
      double minValueWrong,
      double maxValueWrong,
      double minValueCorrect,
      double maxValueCorrect,
      int maxLength) {
    public Cosine {
      if (maxLength < 1) {
        throw new UsageException("cosine_max_len: " + maxLength + "; expected at least 1");
      }
    }
  }

  public RewardOptions {
    if (repetitionNGrams < 1) {
      throw new UsageException("repetition_n_grams: " + repetitionNGrams + "; expected at least 1");
    }
    if (!(repetitionMaxPenalty <= 0)) {
      throw new UsageException(
          "repetition_max_penalty: " + repetitionMaxPenalty + "; expected a number of at most 0");
    }
  }
}
