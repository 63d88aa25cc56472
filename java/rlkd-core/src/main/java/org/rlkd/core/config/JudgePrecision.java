package org.rlkd.core.config;

/** {@code rlkd.gsrm.judge_precision}: the weights of {@code judge: embedding}. */
public enum JudgePrecision {
  /** An embedding depends on its text alone, bit for bit. */
  FLOAT32,
  /**
   * Weights in 8 bits, activations quantised with one scale for all texts of a batch: an embedding
   * depends a little on the texts that it is computed with.
   */
  INT8
}
