package org.rlkd.core.reward;

/** Whose values the reward functions give. */
public enum Compatibility {
  /** Ours: the fixes of the reference's surprises, each documented at its reward. */
  RLKD,
  /** The functions of open-r1 as the RLKD reference runs them, with math-verify 0.9. */
  OPEN_R1
}
