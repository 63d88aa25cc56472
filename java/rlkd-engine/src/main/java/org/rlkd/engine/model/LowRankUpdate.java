package org.rlkd.engine.model;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * LoRA's update of one projection (Hu et al., arXiv 2106.09685): y += scale * B A dropout(x).
 *
 * @param a [rank, in] float32
 * @param b [out, rank] float32
 * @param scale alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA
 * @param dropout share of the inputs that is dropped while training; what is left is scaled up
 */
public record LowRankUpdate(Tensor a, Tensor b, double scale, double dropout) {

  /** What is to be added to the projection's output: [..., in] to [..., out]. */
  Tensor apply(Tensor input, boolean training) {
    Tensor kept = training && dropout > 0 ? torch.dropout(input, dropout, true) : input;
    return torch.linear(torch.linear(kept, a), b).mul(new Scalar(scale));
  }

  /** scale B A, [out, in]: what {@link #apply} amounts to without dropout. */
  public Tensor dense() {
    return b.matmul(a).mul(new Scalar(scale));
  }
}
