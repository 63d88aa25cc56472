package org.rlkd.engine.model;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.engine.tensor.HostArrays;

/**
 * Positions and visibility of the tokens of a padded batch.
 *
 * <p>Where padding only follows tokens, causality alone hides it from every token and positions are
 * 0, 1, 2, ...; then both components are null and attention takes its fast causal path.
 *
 * @param positions [B, T] int64, the number of attended tokens before each; or null
 * @param visible [B, 1, T, T] bool, entry (t, s): token t sees token s. Padding sees itself, so
 *     that no row of the softmax is empty. Or null
 */
record PaddedBatch(Tensor positions, Tensor visible) {
  private static final PaddedBatch CAUSAL = new PaddedBatch(null, null);

  static PaddedBatch of(Tensor inputIds, Tensor attentionMask) {
    if (attentionMask == null) {
      return CAUSAL;
    }
    long batch = inputIds.size(0);
    long length = inputIds.size(1);
    if (attentionMask.dim() != 2
        || attentionMask.size(0) != batch
        || attentionMask.size(1) != length) {
      throw new IllegalArgumentException(
          "attention mask does not have the shape ["
              + batch
              + ", "
              + length
              + "] of the input ids");
    }
    if (paddingOnlyFollows(HostArrays.toLongs(attentionMask), (int) length)) {
      return CAUSAL;
    }
    Tensor positions = attentionMask.cumsum(1).sub(new Scalar(1L)).clamp_min(new Scalar(0L));
    TensorOptions bool = inputIds.options().dtype(new ScalarTypeOptional(ScalarType.Bool));
    Tensor causal = torch.tril(torch.ones(new long[] {length, length}, bool));
    Tensor itself = torch.eye(length, bool);
    Tensor visible =
        attentionMask
            .to(ScalarType.Bool)
            .view(batch, 1, 1, length)
            .logical_or(itself)
            .logical_and_(causal);
    return new PaddedBatch(positions, visible);
  }

  private static boolean paddingOnlyFollows(long[] mask, int length) {
    for (int i = 0; i < mask.length; i++) {
      if (mask[i] != 0 && mask[i] != 1) {
        throw new IllegalArgumentException("attention mask holds " + mask[i] + ", expected 0 or 1");
      }
    }
    for (int i = 0; i < mask.length; i++) {
      if (i % length != 0 && mask[i] > mask[i - 1]) {
        return false;
      }
    }
    return true;
  }
}
