package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;

/**
 * A pass of which autograd keeps all that the backward pass needs.
 *
 * @param rows [rows, H] with its graph
 */
record RecordedPass(Tensor rows) implements TrainingPass {
  @Override
  public Tensor hiddenRows() {
    return rows.detach();
  }

  @Override
  public void backward(Tensor gradient) {
    Autograd.backward(rows, gradient);
  }
}
