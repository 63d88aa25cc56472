package org.rlkd.engine.model;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * y = x / sqrt(mean(x^2) + eps) * weight over the last dimension.
 *
 * @param weight [width] float32
 * @param eps added to the mean square
 */
public record RmsNorm(Tensor weight, double eps) {

  /** [..., width] to [..., width]. */
  public Tensor apply(Tensor input) {
    return torch.rms_norm(
        input, new long[] {weight.size(0)}, new TensorOptional(weight), new DoubleOptional(eps));
  }
}
