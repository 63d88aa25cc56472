package org.rlkd.core.config;

/** TRL's {@code vllm_importance_sampling_mode}: whose ratio it is, and what bounds do to it. */
public enum SamplerRatioMode {
  /** A token's ratio, clamped to the bounds. */
  TOKEN_TRUNCATE,
  /** A token's ratio, 0 outside of the bounds. */
  TOKEN_MASK,
  /** A sequence's ratio, clamped to the bounds. */
  SEQUENCE_TRUNCATE,
  /** A sequence's ratio, 0 outside of the bounds. */
  SEQUENCE_MASK;

  /** Whether there is one ratio a sequence, not one a token. */
  public boolean isSequence() {
    return this == SEQUENCE_TRUNCATE || this == SEQUENCE_MASK;
  }

  /** Whether a ratio outside of the bounds is clamped, not 0. */
  public boolean truncates() {
    return this == TOKEN_TRUNCATE || this == SEQUENCE_TRUNCATE;
  }
}
