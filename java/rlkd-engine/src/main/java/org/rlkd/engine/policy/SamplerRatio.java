package org.rlkd.engine.policy;

import static org.bytedeco.pytorch.global.torch.isnan;
import static org.bytedeco.pytorch.global.torch.where;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.core.config.SamplerRatioConfig;
import org.rlkd.engine.tensor.HostArrays;

/**
 * Importance ratio between the trainer's policy and the sampler's, which corrects for their
 * numerical differences (TRL's {@code vllm_importance_sampling_*}): exp(old - sampling), of tokens
 * or of whole sequences (the sum, not the mean), bounded.
 */
public final class SamplerRatio {
  private SamplerRatio() {}

  /**
   * @param ratio [B, T], 1 where the mask is 0, or [B, 1] for a mode of sequences; float32, of the
   *     caller's PointerScope
   * @param figures [{@link SamplerRatioCounters#COUNT}] float64 on the device, likewise
   */
  public record Result(Tensor ratio, Tensor figures) {
    /** Waits for the device. */
    public SamplerRatioCounters counters() {
      return SamplerRatioCounters.of(HostArrays.toDoubles(figures), 0);
    }
  }

  /**
   * The ratios of B completions.
   *
   * @param oldLogprob [B, T] float32, the trainer's
   * @param samplerLogprob [B, T] float32, the sampler's; a NaN counts as no difference
   * @param mask [B, T] float32, 0 or 1; where it is 0 the others don't matter
   */
  public static Result compute(
      Tensor oldLogprob, Tensor samplerLogprob, Tensor mask, SamplerRatioConfig config) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Tensor counts = mask.ne(new Scalar(0));
      Tensor difference = oldLogprob.sub(samplerLogprob);
      Tensor known = counts.logical_and(isnan(difference).logical_not());
      difference = where(known, difference, new Scalar(0));
      boolean sequence = config.mode().isSequence();
      Tensor ratio = bounded((sequence ? sumOfRows(difference) : difference).exp(), config);
      Tensor counted = sequence ? torch.ones_like(ratio).ne(new Scalar(0)) : counts;
      Tensor ratios = ratio.to(ScalarType.Double);
      Tensor differences = difference.to(ScalarType.Double).abs();
      TensorVector figures = new TensorVector();
      add(figures, counted.sum());
      add(figures, where(counted, ratios, new Scalar(0)).sum());
      add(figures, where(counted, ratios, new Scalar(Double.POSITIVE_INFINITY)).min());
      add(figures, where(counted, ratios, new Scalar(Double.NEGATIVE_INFINITY)).max());
      add(figures, known.sum());
      add(figures, differences.sum());
      add(figures, where(known, differences, new Scalar(Double.NEGATIVE_INFINITY)).max());
      return new Result(ratio.retainReference(), torch.cat(figures).retainReference());
    }
  }

  private static void add(TensorVector figures, Tensor number) {
    figures.push_back(number.to(ScalarType.Double).view(1));
  }

  private static Tensor sumOfRows(Tensor values) {
    return values.sum(new long[] {1}, true, null);
  }

  private static Tensor bounded(Tensor ratio, SamplerRatioConfig config) {
    double min = config.clipMin().orElse(Double.NEGATIVE_INFINITY);
    double max = config.clipMax().orElse(Double.POSITIVE_INFINITY);
    if (config.mode().truncates()) {
      return ratio.clamp(new ScalarOptional(new Scalar(min)), new ScalarOptional(new Scalar(max)));
    }
    Tensor inside = ratio.ge(new Scalar(min)).logical_and(ratio.le(new Scalar(max)));
    return where(inside, ratio, new Scalar(0));
  }
}
