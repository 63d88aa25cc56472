package org.rlkd.core.reward;

import java.util.Optional;
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
 * @param overlong of {@code soft_overlong_punishment}
 * @param http of {@code http}, where a server is named
 */
public record RewardOptions(
    Compatibility compatibility,
    boolean thinkOpenedByPrompt,
    Cosine cosine,
    int repetitionNGrams,
    double repetitionMaxPenalty,
    String codeLanguage,
    Overlong overlong,
    Optional<HttpRewardOptions> http) {

  /** open-r1's defaults. */
  public static final RewardOptions DEFAULTS =
      new RewardOptions(
          Compatibility.RLKD, false, new Cosine(0.0, -0.5, 0.5, 1.0, 1000), 3, -1.0, "python");

  /** Without an HTTP reward, and with open-r1's lengths for {@code soft_overlong_punishment}. */
  public RewardOptions(
      Compatibility compatibility,
      boolean thinkOpenedByPrompt,
      Cosine cosine,
      int repetitionNGrams,
      double repetitionMaxPenalty,
      String codeLanguage) {
    this(
        compatibility,
        thinkOpenedByPrompt,
        cosine,
        repetitionNGrams,
        repetitionMaxPenalty,
        codeLanguage,
        new Overlong(16_384, 4096),
        Optional.empty());
  }

  /**
   * The lengths of {@code soft_overlong_punishment}, in tokens.
   *
   * @param maxLength {@code max_completion_len}, at least 1
   * @param cache {@code soft_punish_cache}, from 0 to {@code maxLength}
   */
  public record Overlong(int maxLength, int cache) {
    public Overlong {
      if (maxLength < 1 || cache < 0 || cache > maxLength) {
        throw new UsageException(
            "max_completion_len: %d, soft_punish_cache: %d; expected at least 1, and from 0 to that"
                .formatted(maxLength, cache));
      }
    }
  }

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
