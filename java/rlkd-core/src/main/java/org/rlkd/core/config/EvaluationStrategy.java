package org.rlkd.core.config;

/** {@code eval_strategy}: when the model is evaluated during training. */
public enum EvaluationStrategy {
  /** Never. */
  NO,
  /** Every {@code eval_steps} steps. */
  STEPS,
  /** After every epoch. */
  EPOCH
}
