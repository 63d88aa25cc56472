package org.rlkd.engine.policy;

import java.util.LinkedHashMap;
import java.util.Map;
import org.rlkd.core.config.LossType;

/**
 * Sums over the tokens or sequences of a call; those of micro-batches add up.
 *
 * @param sequences B
 * @param tokens tokens whose mask is 1
 * @param ratios importance ratios: one a token, or one a sequence at sequence level
 * @param policyLoss the loss without the entropy bonus
 * @param entropySum over tokens; NaN where no entropy was given
 * @param klSum over tokens, after bias correction, before beta
 * @param ratioMin NaN if there is no ratio, as the other minima and maxima
 * @param clipLowSum ratios below the clip range of a negative advantage
 * @param clipHighSum ratios above the clip range of a positive advantage
 * @param clipLowMin least share of low-clipped ratios of a sequence
 * @param clipHighMax greatest share of high-clipped ratios of a sequence
 * @param vespoPhiSum vespo's weight, over sequences
 * @param offPolicyKept sequences that the off-policy mask kept
 * @param entropyKept tokens that the entropy quantile kept
 */
public record PolicyLossCounters(
    double sequences,
    double tokens,
    double ratios,
    double policyLoss,
    double entropySum,
    double klSum,
    double ratioSum,
    double ratioMin,
    double ratioMax,
    double clipLowSum,
    double clipHighSum,
    double clipLowMin,
    double clipHighMax,
    double vespoPhiSum,
    double offPolicyKept,
    double entropyKept) {

  /** Number of counters: the doubles of {@code rlkd_policy_loss_counters}, in its order. */
  public static final int COUNT = 16;

  /** The counters that stand in {@code values} from {@code first} on. */
  public static PolicyLossCounters of(double[] values, int first) {
    int i = first;
    return new PolicyLossCounters(
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i++],
        values[i]);
  }

  /** The counters of both calls together. */
  public PolicyLossCounters plus(PolicyLossCounters other) {
    return new PolicyLossCounters(
        sequences + other.sequences,
        tokens + other.tokens,
        ratios + other.ratios,
        policyLoss + other.policyLoss,
        entropySum + other.entropySum,
        klSum + other.klSum,
        ratioSum + other.ratioSum,
        min(ratioMin, other.ratioMin),
        max(ratioMax, other.ratioMax),
        clipLowSum + other.clipLowSum,
        clipHighSum + other.clipHighSum,
        min(clipLowMin, other.clipLowMin),
        max(clipHighMax, other.clipHighMax),
        vespoPhiSum + other.vespoPhiSum,
        offPolicyKept + other.offPolicyKept,
        entropyKept + other.entropyKept);
  }

  /**
   * The metrics that TRL logs for a loss type, by its names, and {@code importance_ratio/mean}, min
   * and max.
   *
   * @param beta 0: no {@code kl}
   */
  public Map<String, Double> metrics(LossType lossType, double beta) {
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("entropy", mean(entropySum, tokens));
    if (beta != 0) {
      metrics.put("kl", mean(klSum, tokens));
    }
    switch (lossType) {
      case GRPO, BNPO, DR_GRPO, DAPO, LUSPO -> {
        metrics.put("clip_ratio/low_mean", mean(clipLowSum, ratios));
        metrics.put("clip_ratio/low_min", clipLowMin);
        metrics.put("clip_ratio/high_mean", mean(clipHighSum, ratios));
        metrics.put("clip_ratio/high_max", clipHighMax);
        metrics.put("clip_ratio/region_mean", mean(clipLowSum + clipHighSum, ratios));
      }
      case CISPO -> metrics.put("cispo_clip_ratio", mean(clipHighSum, ratios));
      case VESPO -> metrics.put("vespo/phi_seq_mean", mean(vespoPhiSum, sequences));
      case SAPO -> {}
    }
    metrics.put("importance_ratio/mean", mean(ratioSum, ratios));
    metrics.put("importance_ratio/min", ratioMin);
    metrics.put("importance_ratio/max", ratioMax);
    return metrics;
  }

  /** TRL divides by at least 1: the mean of nothing is 0. */
  private static double mean(double sum, double count) {
    return sum / Math.max(count, 1);
  }

  private static double min(double a, double b) {
    return Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.min(a, b);
  }

  private static double max(double a, double b) {
    return Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.max(a, b);
  }
}
