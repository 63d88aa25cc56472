package org.rlkd.core.config;

/** {@code importance_sampling_level}: ratios of tokens, or of sequences (GSPO). */
public enum ImportanceSamplingLevel {
  TOKEN,
  SEQUENCE
}
