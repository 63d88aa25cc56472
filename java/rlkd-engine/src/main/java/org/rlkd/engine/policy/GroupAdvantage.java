package org.rlkd.engine.policy;

import static org.rlkd.bindings.global.rlkd.RLKD_NORMALIZE_THEN_SUM;
import static org.rlkd.bindings.global.rlkd.RLKD_SCALE_BATCH;
import static org.rlkd.bindings.global.rlkd.RLKD_SCALE_GROUP;
import static org.rlkd.bindings.global.rlkd.RLKD_SCALE_NONE;
import static org.rlkd.bindings.global.rlkd.RLKD_SUM_THEN_NORMALIZE;
import static org.rlkd.bindings.global.rlkd.RLKD_UNSCORABLE_DROP_ROW;
import static org.rlkd.bindings.global.rlkd.RLKD_UNSCORABLE_TRL;
import static org.rlkd.bindings.global.rlkd.rlkd_group_advantage;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_group_advantage_options;
import org.rlkd.core.config.Aggregation;
import org.rlkd.core.config.ScaleRewards;
import org.rlkd.core.config.Unscorable;
import org.rlkd.core.reward.RewardMatrix;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/**
 * GRPO advantages of the completions of one generation batch: {@code rlkd_group_advantage} on a
 * {@link RewardMatrix}. Formulas: docs/formulas.md.
 */
public final class GroupAdvantage {
  /** TRL counts a group as uninformative below this std of its rewards. */
  private static final double ZERO_STD = 1e-8;

  private GroupAdvantage() {}

  /**
   * @param groupSize completions of a prompt (TRL's {@code num_generations}); the rows of a group
   *     follow each other
   * @param weights [F] {@code reward_weights}
   */
  public record Options(
      int groupSize,
      List<Double> weights,
      ScaleRewards scaleRewards,
      Aggregation aggregation,
      Unscorable unscorable) {}

  /**
   * One entry for each of the N rows.
   *
   * @param advantages 0 where the row is left out
   * @param rewards the weighted sum; NaN where the row is left out
   * @param rewardStds the std that the row would be divided by; NaN where fewer than two values
   *     have part in it
   * @param metrics means over the batch by TRL's names, and {@code rewards/unscorable}: the share
   *     of rows that are left out
   */
  public record Result(
      float[] advantages, float[] rewards, float[] rewardStds, Map<String, Double> metrics) {}

  /**
   * Advantages of all rows.
   *
   * @param rewards N rows, a multiple of the group size; NaN = unscorable, infinities are refused
   * @param device that computes
   */
  public static Result compute(RewardMatrix rewards, Options options, Device device) {
    int rows = rewards.values().length;
    int functions = rewards.names().size();
    float[] values = new float[rows * functions];
    for (int i = 0; i < rows; i++) {
      for (int f = 0; f < functions; f++) {
        values[i * functions + f] = (float) rewards.values()[i][f];
      }
    }
    float[] weights = new float[options.weights().size()];
    for (int f = 0; f < weights.length; f++) {
      weights[f] = options.weights().get(f).floatValue();
    }
    try (PointerScope scope = new PointerScope()) {
      Tensor advantages = device.empty(ScalarType.Float, rows);
      Tensor sums = device.empty(ScalarType.Float, rows);
      Tensor stds = device.empty(ScalarType.Float, rows);
      NativeLibrary.check(
          rlkd_group_advantage(
              device.context(),
              TensorView.of(device.floats(values, rows, functions)),
              TensorView.of(device.floats(weights, weights.length)),
              nativeOptions(options),
              TensorView.of(advantages),
              TensorView.of(sums),
              TensorView.of(stds)));
      float[] sum = HostArrays.toFloats(sums);
      float[] std = HostArrays.toFloats(stds);
      return new Result(HostArrays.toFloats(advantages), sum, std, metrics(rewards, sum, std));
    }
  }

  private static rlkd_group_advantage_options nativeOptions(Options options) {
    return new rlkd_group_advantage_options()
        .group_size(options.groupSize())
        .scale_rewards(
            switch (options.scaleRewards()) {
              case GROUP -> RLKD_SCALE_GROUP;
              case BATCH -> RLKD_SCALE_BATCH;
              case NONE -> RLKD_SCALE_NONE;
            })
        .multi_objective(
            switch (options.aggregation()) {
              case SUM_THEN_NORMALIZE -> RLKD_SUM_THEN_NORMALIZE;
              case NORMALIZE_THEN_SUM -> RLKD_NORMALIZE_THEN_SUM;
            })
        .unscorable(
            switch (options.unscorable()) {
              case DROP_ROW -> RLKD_UNSCORABLE_DROP_ROW;
              case TRL -> RLKD_UNSCORABLE_TRL;
            });
  }

  private static Map<String, Double> metrics(RewardMatrix rewards, float[] sums, float[] stds) {
    Map<String, Double> metrics = new LinkedHashMap<>();
    for (int f = 0; f < rewards.names().size(); f++) {
      int column = f;
      Moments moments =
          Moments.of(
              IntStream.range(0, sums.length)
                  .mapToDouble(i -> rewards.values()[i][column])
                  .toArray());
      metrics.put("rewards/" + rewards.names().get(f) + "/mean", moments.mean);
      metrics.put("rewards/" + rewards.names().get(f) + "/std", moments.std);
    }
    Moments reward =
        Moments.of(IntStream.range(0, sums.length).mapToDouble(i -> sums[i]).toArray());
    metrics.put("reward", reward.mean);
    metrics.put("reward_std", reward.std);
    long zero = IntStream.range(0, stds.length).filter(i -> stds[i] <= ZERO_STD).count();
    metrics.put("frac_reward_zero_std", (double) zero / stds.length);
    metrics.put("rewards/unscorable", 1 - (double) reward.count / sums.length);
    return metrics;
  }

  /** Mean and sample std of the values that are not NaN; NaN where there are too few. */
  private record Moments(long count, double mean, double std) {
    static Moments of(double[] values) {
      double sum = 0;
      long count = 0;
      for (double value : values) {
        if (!Double.isNaN(value)) {
          sum += value;
          count++;
        }
      }
      double mean = sum / count;
      double squares = 0;
      for (double value : values) {
        if (!Double.isNaN(value)) {
          squares += (value - mean) * (value - mean);
        }
      }
      return new Moments(count, mean, count < 2 ? Double.NaN : Math.sqrt(squares / (count - 1)));
    }
  }
}
