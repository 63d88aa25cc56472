package org.rlkd.engine.policy;

import org.rlkd.core.config.EntropyBonusConfig;

/**
 * Weight of the entropy bonus, constant or adaptive (TRL's {@code entropy_coef} and {@code
 * use_adaptive_entropy}).
 *
 * <p>Adaptive: a step has a bonus only if the entropy of the step before was at most the target;
 * the first step has none. After each step the coefficient goes up by {@code delta} if the step's
 * entropy was at most the target, else down, within [min, max].
 */
public final class EntropyCoefficient {
  private final boolean adaptive;
  private final double min;
  private final double max;
  private final double delta;
  private final double target;
  private double coefficient;
  private double lastEntropy;

  private EntropyCoefficient(
      boolean adaptive,
      double coefficient,
      double min,
      double max,
      double delta,
      double target,
      double lastEntropy) {
    this.adaptive = adaptive;
    this.coefficient = coefficient;
    this.min = min;
    this.max = max;
    this.delta = delta;
    this.target = target;
    this.lastEntropy = lastEntropy;
  }

  /** The coefficient of a configuration, before the first step. */
  public static EntropyCoefficient of(EntropyBonusConfig config) {
    return config.adaptive()
        ? adaptive(
            config.coefficient(),
            config.min(),
            config.max(),
            config.delta(),
            config.target(),
            Double.POSITIVE_INFINITY)
        : constant(config.coefficient());
  }

  /** The same coefficient in every step. */
  public static EntropyCoefficient constant(double coefficient) {
    return new EntropyCoefficient(false, coefficient, 0, 0, 0, 0, Double.POSITIVE_INFINITY);
  }

  /**
   * A coefficient that holds the entropy near a target.
   *
   * @param coefficient to begin with
   * @param lastEntropy entropy of the step before, nats; infinite if there was none
   */
  public static EntropyCoefficient adaptive(
      double coefficient, double min, double max, double delta, double target, double lastEntropy) {
    return new EntropyCoefficient(true, coefficient, min, max, delta, target, lastEntropy);
  }

  /** Weight of the bonus in the coming step; 0: no bonus. */
  public double bonus() {
    return !adaptive || lastEntropy <= target ? coefficient : 0;
  }

  /**
   * Ends a step.
   *
   * @param entropy the step's mean entropy over all processes, nats
   * @return the coefficient after it: TRL's metric {@code entropy_coef}
   */
  public double update(double entropy) {
    if (adaptive) {
      double moved = coefficient + (entropy <= target ? delta : -delta);
      coefficient = Math.min(Math.max(moved, min), max);
      lastEntropy = entropy;
    }
    return coefficient;
  }

  /** The coefficient as it stands, whether or not the coming step has a bonus. */
  public double coefficient() {
    return coefficient;
  }

  /** Goes on with the state of a checkpoint. */
  public void restore(double savedCoefficient, double savedLastEntropy) {
    coefficient = savedCoefficient;
    lastEntropy = savedLastEntropy;
  }

  /** Entropy of the step before; with the coefficient the state to save in a checkpoint. */
  public double lastEntropy() {
    return lastEntropy;
  }
}
