package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * y = x W^T + b.
 *
 * @param weight [out, in] float32
 * @param bias [out] float32, or null
 */
public record Linear(Tensor weight, Tensor bias) {

  /** [..., in] to [..., out]. */
  public Tensor apply(Tensor input) {
    return bias == null ? torch.linear(input, weight) : torch.linear(input, weight, bias);
  }
}
