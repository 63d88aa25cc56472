package org.rlkd.core.config;

/** {@code save_strategy}: when checkpoints are written, beside the model at the end. */
public enum SaveStrategy {
  /** Every {@code save_steps} steps. */
  STEPS,
  /** After every epoch. */
  EPOCH,
  /** After each evaluation that is the best so far. */
  BEST,
  /** Never. */
  NO
}
