package org.rlkd.engine.training;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How far the trainer's log-probs are from the sampler's for the same weights and tokens; in exact
 * arithmetic not at all. By TRL's names; NaN where nothing was compared.
 */
final class LogprobAgreement {
  /** Entries of {@link #measure}. */
  static final int FIGURES = 2;

  private double sum;
  private double max;
  private long count;

  /**
   * Compares without waiting for the device.
   *
   * @param trainer [rows] float32
   * @param sampler [rows] float32
   * @return [{@link #FIGURES}] float64: sum and maximum of the absolute differences
   */
  static Tensor measure(Tensor trainer, Tensor sampler) {
    Tensor difference = trainer.to(ScalarType.Double).sub(sampler).abs();
    TensorVector figures = new TensorVector();
    figures.push_back(difference.sum().view(1));
    figures.push_back(difference.max().view(1));
    return torch.cat(figures);
  }

  /** Adds what {@link #measure} gave, in {@code figures} from {@code first} on. */
  void add(double[] figures, int first, long rows) {
    sum += figures[first];
    max = Math.max(max, figures[first + 1]);
    count += rows;
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
