package org.rlkd.engine.training;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.engine.tensor.HostArrays;

/**
 * How far the trainer's log-probs are from the sampler's for the same weights and tokens; in exact
 * arithmetic not at all. By TRL's names; NaN where nothing was compared.
 */
final class LogprobAgreement {
  private double sum;
  private double max;
  private long count;

  /**
   * Compares the rows of rollouts.
   *
   * @param logprobs [rows] the trainer's, rollout after rollout
   */
  void add(List<Rollout> rollouts, Tensor logprobs) {
    float[] trainer = HostArrays.toFloats(logprobs);
    int row = 0;
    for (Rollout rollout : rollouts) {
      for (float sampler : rollout.samplerLogprobs()) {
        double difference = Math.abs((double) trainer[row++] - sampler);
        sum += difference;
        max = Math.max(max, difference);
        count++;
      }
    }
  }

  Map<String, Double> metrics() {
    Map<String, Double> metrics = new LinkedHashMap<>();
    if (count > 0) {
      metrics.put("sampling/sampling_logp_difference/mean", sum / count);
      metrics.put("sampling/sampling_logp_difference/max", max);
    }
    return metrics;
  }
}
