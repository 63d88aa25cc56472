package org.rlkd.core.config;

/** {@code train_sampling_strategy}: how an epoch's rows become batches. */
public enum SamplingStrategy {
  /** In random order. */
  RANDOM,
  /** In random order, rows of similar length together. */
  GROUP_BY_LENGTH
}
