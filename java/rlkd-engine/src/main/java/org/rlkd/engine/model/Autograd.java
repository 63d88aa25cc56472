package org.rlkd.engine.model;

import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;

/** LibTorch's automatic differentiation. */
final class Autograd {
  private Autograd() {}

  /** Adds the gradients of sum(output * gradient) to the leaves and frees the graph. */
  static void backward(Tensor output, Tensor gradient) {
    output.backward(gradient, new BoolOptional(), false, new TensorArrayRefOptional());
  }
}
