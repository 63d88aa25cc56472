package org.rlkd.core.config;

import java.util.Optional;

/**
 * The policy loss and the advantages, by TRL's names.
 *
 * @param beta weight of the KL term; 0: no reference model is loaded
 * @param epsilonHigh upper clip range; {@code epsilon} where it is not given
 * @param delta cap of the unclipped ratio; empty: none
 * @param offPolicyMaskThreshold sequences of negative advantage that drifted further from the
 *     sampler are left out; empty: none are
 * @param entropyBonus the entropy bonus
 * @param samplerRatio importance ratio between trainer and sampler; empty: none
 */
public record LossConfig(
    LossType lossType,
    double beta,
    double epsilon,
    double epsilonHigh,
    Optional<Double> delta,
    ImportanceSamplingLevel importanceSamplingLevel,
    ScaleRewards scaleRewards,
    Aggregation aggregation,
    boolean maskTruncatedCompletions,
    boolean useBiasCorrectionKl,
    double topEntropyQuantile,
    double sapoTemperaturePos,
    double sapoTemperatureNeg,
    double vespoKPos,
    double vespoLambdaPos,
    double vespoKNeg,
    double vespoLambdaNeg,
    Optional<Double> offPolicyMaskThreshold,
    EntropyBonusConfig entropyBonus,
    Optional<SamplerRatioConfig> samplerRatio) {

  static LossConfig read(Values values) {
    double epsilon = values.get(GrpoKeys.EPSILON);
    return new LossConfig(
        values.get(GrpoKeys.LOSS),
        values.get(GrpoKeys.BETA),
        epsilon,
        values.get(GrpoKeys.EPSILON_HIGH).orElse(epsilon),
        values.get(GrpoKeys.DELTA),
        values.get(GrpoKeys.LEVEL),
        values.get(GrpoKeys.SCALE),
        values.get(GrpoKeys.AGGREGATION),
        values.get(GrpoKeys.MASK_TRUNCATED),
        values.get(GrpoKeys.BIAS_CORRECTION),
        values.get(GrpoKeys.TOP_ENTROPY),
        values.get(GrpoKeys.SAPO_POSITIVE),
        values.get(GrpoKeys.SAPO_NEGATIVE),
        values.get(GrpoKeys.VESPO_K_POSITIVE),
        values.get(GrpoKeys.VESPO_LAMBDA_POSITIVE),
        values.get(GrpoKeys.VESPO_K_NEGATIVE),
        values.get(GrpoKeys.VESPO_LAMBDA_NEGATIVE),
        values.get(GrpoKeys.OFF_POLICY_THRESHOLD),
        EntropyBonusConfig.read(values),
        SamplerRatioConfig.read(values));
  }
}
