package org.rlkd.core.reward;

import java.util.Optional;
import org.rlkd.core.math.MathAnswer;
import org.rlkd.core.math.OpenR1Answer;

/**
 * Whether a completion's answer is right; what {@code accuracy}, {@code length} and {@code cosine}
 * share.
 */
enum Correctness {
  RIGHT,
  WRONG,
  /** The reference answer is missing or holds no answer. */
  NO_REFERENCE;

  /**
   * Judged by {@link MathAnswer}, or as open-r1 does it, for which the form of its reference
   * answers counts.
   */
  static Correctness of(
      RewardSample sample, Compatibility compatibility, OpenR1Answer.GoldForm form) {
    String gold = sample.problem().answer();
    if (gold == null) {
      return NO_REFERENCE;
    }
    Optional<Boolean> right =
        switch (compatibility) {
          case OPEN_R1 -> OpenR1Answer.verify(gold, sample.completion(), form);
          case RLKD ->
              MathAnswer.isReference(gold)
                  ? Optional.of(MathAnswer.solves(gold, sample.completion()))
                  : Optional.empty();
        };
    return right.map(value -> value ? RIGHT : WRONG).orElse(NO_REFERENCE);
  }
}
