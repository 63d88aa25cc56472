package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * SwiGLU: down(silu(gate(x)) * up(x)).
 *
 * @param gate [intermediate, H]
 * @param up [intermediate, H]
 * @param down [H, intermediate]
 */
public record Mlp(Linear gate, Linear up, Linear down) {

  /** [..., H] to [..., H]. */
  public Tensor apply(Tensor input) {
    return down.apply(torch.silu(gate.apply(input)).mul(up.apply(input)));
  }
}
