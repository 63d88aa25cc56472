package org.rlkd.engine.model;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Grouped-query self-attention: each key/value head serves heads / keyValueHeads query heads.
 *
 * <p>Training runs {@link #project}, {@link #attend}, {@link #output} in a row; decoding puts its
 * key/value cache between the first two. Both compute with the same code.
 *
 * @param query [heads * D, H]
 * @param key [keyValueHeads * D, H]
 * @param value [keyValueHeads * D, H]
 * @param out [H, heads * D]
 * @param queryNorm norm of each query head over D, null where the family has none
 * @param keyNorm norm of each key head over D, null where the family has none
 * @param headDim D
 */
public record Attention(
    Linear query,
    Linear key,
    Linear value,
    Linear out,
    RmsNorm queryNorm,
    RmsNorm keyNorm,
    int headDim) {

  /** Queries, keys and values of the new positions. {@code input} is [B, T, H]. */
  public QueryKeyValue project(Tensor input, Rotation rotation) {
    Tensor q = heads(query.apply(input));
    Tensor k = heads(key.apply(input));
    Tensor v = heads(value.apply(input));
    if (queryNorm != null) {
      q = queryNorm.apply(q);
      k = keyNorm.apply(k);
    }
    return new QueryKeyValue(
        rotation.apply(q).transpose(1, 2), rotation.apply(k).transpose(1, 2), v.transpose(1, 2));
  }

  /**
   * softmax(q k^T / sqrt(D) + mask) v.
   *
   * @param states query [B, heads, T, D]; key and value [B, keyValueHeads, S, D]
   * @param mask broadcastable to [B, heads, T, S]: bool, true = may be seen, or of the weights'
   *     dtype, added to the scores (every query must see at least one key, or its row is NaN); null
   *     = causal, which needs T = S
   * @return [B, T, heads * D]
   */
  public Tensor attend(QueryKeyValue states, Tensor mask) {
    Tensor context =
        torch.scaled_dot_product_attention(
            states.query(),
            states.key(),
            states.value(),
            mask == null ? new TensorOptional() : new TensorOptional(mask),
            0.0,
            mask == null,
            new DoubleOptional(),
            true);
    return context.transpose(1, 2).flatten(2, 3);
  }

  /** The output projection of what {@link #attend} returned: [B, T, H]. */
  public Tensor output(Tensor context) {
    return out.apply(context);
  }

  private Tensor heads(Tensor projected) {
    return projected.unflatten(-1, -1, headDim);
  }
}
