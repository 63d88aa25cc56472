package org.rlkd.core.reward;

import org.rlkd.core.math.MathAnswer;

/**
 * Whether a completion's answer is right; what {@code accuracy}, {@code length} and {@code cosine}
 * share.
 */
enum Correctness {
  RIGHT,
  WRONG,
  /** The reference answer is missing or holds no answer. */
  NO_REFERENCE;

  static Correctness of(RewardSample sample) {
    String gold = sample.problem().answer();
    if (gold == null || !MathAnswer.isReference(gold)) {
      return NO_REFERENCE;
    }
    return MathAnswer.solves(gold, sample.completion()) ? RIGHT : WRONG;
  }
}
