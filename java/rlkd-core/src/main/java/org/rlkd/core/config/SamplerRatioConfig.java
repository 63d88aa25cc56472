package org.rlkd.core.config;

import java.util.Optional;

/**
 * The importance ratio between the trainer's policy and the sampler's: TRL's {@code
 * vllm_importance_sampling_*}.
 *
 * @param clipMin lower bound of the ratio; empty: none
 * @param clipMax upper bound of the ratio; empty: none
 */
public record SamplerRatioConfig(
    SamplerRatioMode mode, Optional<Double> clipMin, Optional<Double> clipMax) {

  /** As in TRL the correction comes with {@code use_vllm}. */
  static Optional<SamplerRatioConfig> read(Values values) {
    if (values.get(GrpoKeys.RATIO_CAP).isPresent() && values.has(GrpoKeys.RATIO_MAX)) {
      values.complain(
          GrpoKeys.RATIO_CAP,
          "this is the older name of vllm_importance_sampling_clip_max; give one of them");
    }
    SamplerRatioConfig config =
        new SamplerRatioConfig(
            values.get(GrpoKeys.RATIO_MODE),
            values.get(GrpoKeys.RATIO_MIN),
            values.get(GrpoKeys.RATIO_CAP).or(() -> values.get(GrpoKeys.RATIO_MAX)));
    boolean on = values.get(GrpoKeys.USE_VLLM) && values.get(GrpoKeys.RATIO_CORRECTION);
    if (config.clipMin.isPresent()
        && config.clipMax.isPresent()
        && config.clipMin.get() > config.clipMax.get()) {
      values.complain(
          GrpoKeys.RATIO_MIN,
          "found %s, expected at most the upper bound, %s"
              .formatted(config.clipMin.get(), config.clipMax.get()));
    }
    if (on && values.get(GrpoKeys.LOSS) == LossType.VESPO && config.mode.isSequence()) {
      values.complain(
          GrpoKeys.RATIO_MODE,
          "found %s, expected token_truncate or token_mask: loss_type vespo takes the ratios of tokens"
              .formatted(config.mode.name().toLowerCase(java.util.Locale.ROOT)));
    }
    return on ? Optional.of(config) : Optional.empty();
  }
}
