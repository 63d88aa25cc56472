package org.rlkd.engine.policy;

import static org.bytedeco.pytorch.global.torch.isnan;
import static org.bytedeco.pytorch.global.torch.where;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Importance ratio between the trainer's policy and the sampler's, which corrects for their
 * numerical differences (TRL's {@code vllm_importance_sampling_*}): exp(old - sampling), of tokens
 * or of whole sequences (the sum, not the mean), bounded.
 */
public final class SamplerRatio {
  /** TRL's default for {@code vllm_importance_sampling_clip_max}. */
  public static final double DEFAULT_CLIP_MAX = 3;

  private SamplerRatio() {}

  /** {@code vllm_importance_sampling_mode}; TRL's default is {@link #SEQUENCE_MASK}. */
  public enum Mode {
    /** A token's ratio, clamped to the bounds. */
    TOKEN_TRUNCATE,
    /** A token's ratio, 0 outside of the bounds. */
    TOKEN_MASK,
    /** A sequence's ratio, clamped to the bounds. */
    SEQUENCE_TRUNCATE,
    /** A sequence's ratio, 0 outside of the bounds. */
    SEQUENCE_MASK;

    boolean isSequence() {
      return this == SEQUENCE_TRUNCATE || this == SEQUENCE_MASK;
    }

    boolean truncates() {
      return this == TOKEN_TRUNCATE || this == SEQUENCE_TRUNCATE;
    }
  }

  /**
   * @param clipMin lower bound of the ratio
   * @param clipMax upper bound of the ratio
   */
  public record Options(Mode mode, OptionalDouble clipMin, OptionalDouble clipMax) {}

  /**
   * @param ratio [B, T], 1 where the mask is 0, or [B, 1] for a mode of sequences; float32, of the
   *     caller's PointerScope
   * @param metrics by TRL's names; NaN where no token counts
   */
  public record Result(Tensor ratio, Map<String, Double> metrics) {}

  /**
   * The ratios of B completions.
   *
   * @param oldLogprob [B, T] float32, the trainer's
   * @param samplerLogprob [B, T] float32, the sampler's; a NaN counts as no difference
   * @param mask [B, T] float32, 0 or 1; where it is 0 the others don't matter
   */
  public static Result compute(
      Tensor oldLogprob, Tensor samplerLogprob, Tensor mask, Options options) {
    Tensor ratio;
    Map<String, Double> metrics = new LinkedHashMap<>();
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Tensor counts = mask.ne(new Scalar(0));
      Tensor difference = oldLogprob.sub(samplerLogprob);
      Tensor known = counts.logical_and(isnan(difference).logical_not());
      difference = where(known, difference, new Scalar(0));
      Tensor logRatio = options.mode().isSequence() ? sumOfRows(difference) : difference;
      ratio = bounded(logRatio.exp(), options);
      ratio.retainReference();
      Tensor counted = options.mode().isSequence() ? ratio : ratio.masked_select(counts);
      put(metrics, "sampling/importance_sampling_ratio/", counted, true);
      put(
          metrics,
          "sampling/sampling_logp_difference/",
          difference.abs().masked_select(known),
          false);
    }
    return new Result(ratio, metrics);
  }

  private static Tensor sumOfRows(Tensor values) {
    return values.sum(new long[] {1}, true, null);
  }

  private static Tensor bounded(Tensor ratio, Options options) {
    double min = options.clipMin().orElse(Double.NEGATIVE_INFINITY);
    double max = options.clipMax().orElse(Double.POSITIVE_INFINITY);
    if (options.mode().truncates()) {
      return ratio.clamp(new ScalarOptional(new Scalar(min)), new ScalarOptional(new Scalar(max)));
    }
    Tensor inside = ratio.ge(new Scalar(min)).logical_and(ratio.le(new Scalar(max)));
    return where(inside, ratio, new Scalar(0));
  }

  private static void put(
      Map<String, Double> metrics, String prefix, Tensor values, boolean withMin) {
    boolean none = values.numel() == 0;
    if (withMin) {
      metrics.put(prefix + "min", none ? Double.NaN : values.min().item_double());
    }
    metrics.put(prefix + "mean", none ? Double.NaN : values.mean().item_double());
    metrics.put(prefix + "max", none ? Double.NaN : values.max().item_double());
  }
}
