package org.rlkd.engine.policy;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What {@link SamplerRatio} found; the counters of several calls add up.
 *
 * @param ratios bounded ratios: one a token, or one a sequence
 * @param ratioMin infinite if there is no ratio, as the maximum
 * @param differences absolute differences of log-probs, of tokens of which both are known
 */
public record SamplerRatioCounters(
    double ratios,
    double ratioSum,
    double ratioMin,
    double ratioMax,
    double differences,
    double differenceSum,
    double differenceMax) {

  /** Number of counters. */
  public static final int COUNT = 7;

  /** No ratio at all. */
  public static final SamplerRatioCounters NONE =
      new SamplerRatioCounters(
          0, 0, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 0, 0, Double.NEGATIVE_INFINITY);

  /** The counters that stand in {@code values} from {@code first} on. */
  public static SamplerRatioCounters of(double[] values, int first) {
    return new SamplerRatioCounters(
        values[first],
        values[first + 1],
        values[first + 2],
        values[first + 3],
        values[first + 4],
        values[first + 5],
        values[first + 6]);
  }

  /** The counters of both calls together. */
  public SamplerRatioCounters plus(SamplerRatioCounters other) {
    return new SamplerRatioCounters(
        ratios + other.ratios,
        ratioSum + other.ratioSum,
        Math.min(ratioMin, other.ratioMin),
        Math.max(ratioMax, other.ratioMax),
        differences + other.differences,
        differenceSum + other.differenceSum,
        Math.max(differenceMax, other.differenceMax));
  }

  /** By TRL's names; 0 where no token counts, as in TRL. */
  public Map<String, Double> metrics() {
    Map<String, Double> metrics = new LinkedHashMap<>();
    String ratio = "sampling/importance_sampling_ratio/";
    metrics.put(ratio + "min", ratios == 0 ? 0 : ratioMin);
    metrics.put(ratio + "mean", ratios == 0 ? 0 : ratioSum / ratios);
    metrics.put(ratio + "max", ratios == 0 ? 0 : ratioMax);
    String difference = "sampling/sampling_logp_difference/";
    metrics.put(difference + "mean", differences == 0 ? 0 : differenceSum / differences);
    metrics.put(difference + "max", differences == 0 ? 0 : differenceMax);
    return metrics;
  }
}
