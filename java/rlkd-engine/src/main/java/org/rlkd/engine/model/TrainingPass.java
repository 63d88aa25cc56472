package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;

/**
 * A forward pass over packed sequences that is waiting for its backward pass. It belongs to the
 * PointerScope in which it was made.
 */
public sealed interface TrainingPass permits RecordedPass, CheckpointedPass {
  /** Final hidden states [rows, H] of the chosen places, without a graph. */
  Tensor hiddenRows();

  /**
   * Adds the gradients of sum(hiddenRows * gradient) to those of the trainable parameters; once.
   *
   * @param gradient [rows, H]
   */
  void backward(Tensor gradient);
}
