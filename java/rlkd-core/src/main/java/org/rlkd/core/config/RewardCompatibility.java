package org.rlkd.core.config;

/** Whose values the reward functions give ({@code compatibility}). */
public enum RewardCompatibility {
  /** rlkd's own, which differ where the reference's surprise. */
  RLKD,
  /** Those of open-r1's functions as the RLKD reference runs them. */
  OPEN_R1
}
