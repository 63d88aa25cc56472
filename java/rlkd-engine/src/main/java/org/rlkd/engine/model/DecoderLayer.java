package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;

/**
 * One pre-norm transformer layer. The tensors belong to the {@link CausalLm}.
 *
 * @param inputNorm norm before the attention
 * @param attention self-attention
 * @param postAttentionNorm norm before the MLP
 * @param mlp SwiGLU MLP
 */
public record DecoderLayer(
    RmsNorm inputNorm, Attention attention, RmsNorm postAttentionNorm, Mlp mlp) {

  /**
   * The layer over whole sequences.
   *
   * @param hidden [B, T, H]
   * @param rotation of the T positions
   * @param mask as for {@link Attention#attend}
   * @return [B, T, H]
   */
  public Tensor forward(Tensor hidden, Rotation rotation, Tensor mask) {
    QueryKeyValue states = attention.project(inputNorm.apply(hidden), rotation);
    return addMlp(hidden.add(attention.output(attention.attend(states, mask))));
  }

  /**
   * The layer over packed sequences.
   *
   * @param hidden [1, N, H]
   * @param rotation of the N positions
   * @param packed what each token sees
   * @return [1, N, H]
   */
  Tensor forward(Tensor hidden, Rotation rotation, PackedAttention packed) {
    QueryKeyValue states = attention.project(inputNorm.apply(hidden), rotation);
    return addMlp(hidden.add(attention.output(packed.attend(attention, states))));
  }

  /** The second half of the layer: hidden + mlp(norm(hidden)). */
  public Tensor addMlp(Tensor hidden) {
    return hidden.add(mlp.apply(postAttentionNorm.apply(hidden)));
  }
}
