package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** y = x W^T + b, and a low-rank update of it where the {@link CausalLm} is adapted. */
public final class Linear {
  private final Tensor weight;
  private final Tensor bias;
  private final AdapterSwitch adapter;
  private LowRankUpdate update;

  /**
   * @param weight [out, in] float32
   * @param bias [out] float32, or null
   * @param adapter whether the model's updates count
   */
  Linear(Tensor weight, Tensor bias, AdapterSwitch adapter) {
    this.weight = weight;
    this.bias = bias;
    this.adapter = adapter;
  }

  /** [..., in] to [..., out]. */
  public Tensor apply(Tensor input) {
    Tensor output = bias == null ? torch.linear(input, weight) : torch.linear(input, weight, bias);
    return update == null || !adapter.on()
        ? output
        : output.add(update.apply(input, adapter.training()));
  }

  /** [out, in]. */
  public Tensor weight() {
    return weight;
  }

  /** [out], or null. */
  public Tensor bias() {
    return bias;
  }

  /** The low-rank update that {@link #apply} adds now, dropout aside; null if there is none. */
  public LowRankUpdate update() {
    return adapter.on() ? update : null;
  }

  /** Inputs, the last extent of what {@link #apply} takes. */
  public long in() {
    return weight.size(1);
  }

  /** Outputs. */
  public long out() {
    return weight.size(0);
  }

  void adapt(LowRankUpdate newUpdate) {
    this.update = newUpdate;
  }
}
