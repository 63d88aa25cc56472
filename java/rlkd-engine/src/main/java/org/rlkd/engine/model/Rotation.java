package org.rlkd.engine.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The rotary embedding of one batch of positions. Dimension i of a head is paired with i + D/2, as
 * in transformers ({@code rotate_half}).
 *
 * @param cosine [T, 1, D] (the same positions in every row) or [B, T, 1, D]
 * @param signedSine same shape; the sine, negated in the first D/2 entries
 */
public record Rotation(Tensor cosine, Tensor signedSine) {

  /** Rotates queries or keys [B, T, heads, D]. */
  public Tensor apply(Tensor heads) {
    Tensor swapped = torch.roll(heads, new long[] {heads.size(3) / 2}, -1);
    return torch.addcmul(heads.mul(cosine), swapped, signedSine);
  }
}
