package org.rlkd.core.gsrm;

/**
 * How a student path is aligned with a teacher path; the options of {@code
 * rlkd_structure_alignment}.
 *
 * @param gapDecay factor for each skipped step of a monotone alignment, in [0, 1]; 0 makes monotone
 *     equal to prefix; not used by prefix
 */
public record AlignmentOptions(Alignment alignment, Normalize normalize, double gapDecay) {
  /** The paper's reward: prefix gate, not normalised. */
  public static final AlignmentOptions PAPER =
      new AlignmentOptions(Alignment.PREFIX, Normalize.NONE, 0);

  /** Which teacher step a student step is compared with. */
  public enum Alignment {
    /** Step i with step i; a meta-reasoning mismatch closes the gate for good (paper). */
    PREFIX,
    /** The best order-keeping alignment; skipped steps cost {@code gapDecay} each. */
    MONOTONE
  }

  /** What the sum over steps is divided by; n student steps, m steps of the teacher path. */
  public enum Normalize {
    /** Nothing (paper): rewards up to min(n, m). */
    NONE,
    /** m: in [0, 1]. */
    TEACHER,
    /** max(n, m): in [0, 1], and steps beyond the teacher's cost. */
    MAX
  }

  public AlignmentOptions {
    if (!(gapDecay >= 0 && gapDecay <= 1)) {
      throw new IllegalArgumentException(
          "gap_decay = " + gapDecay + "; expected a number in [0, 1]");
    }
  }
}
