package org.rlkd.core.config;

/**
 * The entropy bonus: TRL's {@code entropy_coef} and {@code use_adaptive_entropy}.
 *
 * @param coefficient weight of the bonus, or what an adaptive one begins with
 * @param adaptive whether the weight follows the entropy
 * @param min least weight of an adaptive bonus
 * @param max greatest weight of an adaptive bonus
 * @param delta by how much an adaptive weight moves in a step
 * @param target entropy in nats at or below which an adaptive bonus acts and grows
 */
public record EntropyBonusConfig(
    double coefficient, boolean adaptive, double min, double max, double delta, double target) {

  /** No bonus. */
  public static final EntropyBonusConfig OFF = new EntropyBonusConfig(0, false, 0, 1, 0.005, 0.2);

  /** Whether the loss can have a bonus. */
  public boolean isOn() {
    return coefficient != 0 || adaptive;
  }

  static EntropyBonusConfig read(Values values) {
    EntropyBonusConfig config =
        new EntropyBonusConfig(
            values.get(GrpoKeys.ENTROPY_COEF),
            values.get(GrpoKeys.ADAPTIVE_ENTROPY),
            values.get(GrpoKeys.ENTROPY_MIN),
            values.get(GrpoKeys.ENTROPY_MAX),
            values.get(GrpoKeys.ENTROPY_DELTA),
            values.get(GrpoKeys.ENTROPY_TARGET));
    if (config.min > config.max) {
      values.complain(
          GrpoKeys.ENTROPY_MIN,
          "found %s, expected at most entropy_coef_max, %s".formatted(config.min, config.max));
    }
    if (config.adaptive && values.get(GrpoKeys.TOP_ENTROPY) < 1) {
      values.complain(
          GrpoKeys.ADAPTIVE_ENTROPY,
          "not implemented together with top_entropy_quantile below 1; set one of the two");
    }
    return config;
  }
}
