package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;

/**
 * A pass of which autograd keeps all that the backward pass needs.
 *
 * @param tokens where the graph begins
 * @param rows [rows, H] with its graph
 */
record RecordedPass(EmbeddedTokens tokens, Tensor rows) implements TrainingPass {
  @Override
  public Tensor hiddenRows() {
    return rows.detach();
  }

  @Override
  public void backward(Tensor gradient) {
    Autograd.backward(rows, gradient);
    if (tokens.trained()) {
      tokens.addGradient(tokens.states().grad());
    }
  }
}
