package org.rlkd.engine.policy;

import java.util.OptionalDouble;
import org.rlkd.core.config.ImportanceSamplingLevel;
import org.rlkd.core.config.LossConfig;
import org.rlkd.core.config.LossType;

/**
 * What a run's policy loss is, by TRL's names. Formulas: docs/formulas.md.
 *
 * @param epsilonHigh upper clip range; for {@code cispo} the cap of the weight itself
 * @param delta cap of the unclipped ratio
 * @param beta weight of the KL term; 0: off
 * @param useBiasCorrectionKl the KL estimate is multiplied by the ratio
 * @param offPolicyMaskThreshold sequences of negative advantage that drifted further from the
 *     sampler are left out of the policy term
 * @param topEntropyQuantile share of tokens, those of highest entropy, that the policy term keeps;
 *     1: all. Below 1 a call must see the whole micro-batch
 */
public record PolicyLossOptions(
    LossType lossType,
    ImportanceSamplingLevel importanceSamplingLevel,
    double epsilon,
    double epsilonHigh,
    OptionalDouble delta,
    double beta,
    boolean useBiasCorrectionKl,
    double sapoTemperaturePos,
    double sapoTemperatureNeg,
    double vespoKPos,
    double vespoLambdaPos,
    double vespoKNeg,
    double vespoLambdaNeg,
    OptionalDouble offPolicyMaskThreshold,
    double topEntropyQuantile) {

  /** The options of a configuration. */
  public static PolicyLossOptions of(LossConfig config) {
    return new PolicyLossOptions(
        config.lossType(),
        config.importanceSamplingLevel(),
        config.epsilon(),
        config.epsilonHigh(),
        config.delta().map(OptionalDouble::of).orElse(OptionalDouble.empty()),
        config.beta(),
        config.useBiasCorrectionKl(),
        config.sapoTemperaturePos(),
        config.sapoTemperatureNeg(),
        config.vespoKPos(),
        config.vespoLambdaPos(),
        config.vespoKNeg(),
        config.vespoLambdaNeg(),
        config.offPolicyMaskThreshold().map(OptionalDouble::of).orElse(OptionalDouble.empty()),
        config.topEntropyQuantile());
  }
}
