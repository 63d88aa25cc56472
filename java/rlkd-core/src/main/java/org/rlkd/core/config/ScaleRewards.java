package org.rlkd.core.config;

/** {@code scale_rewards}: what advantages are divided by. */
public enum ScaleRewards {
  GROUP,
  BATCH,
  NONE
}
