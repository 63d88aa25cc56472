package org.rlkd.core.reward;

/** How a reward came to its score. */
public interface RewardExplanation {
  /** The score; NaN = unscorable. */
  double reward();

  /** Why the sample is unscorable; null where {@link #reward} is a number. */
  String unscorableReason();
}
