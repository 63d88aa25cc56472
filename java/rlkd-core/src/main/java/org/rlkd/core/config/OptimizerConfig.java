package org.rlkd.core.config;

import java.util.Map;

/**
 * AdamW and its learning rate, by the names of transformers' TrainingArguments.
 *
 * @param learningRate the rate after warm-up
 * @param beta1 {@code adam_beta1}
 * @param beta2 {@code adam_beta2}
 * @param epsilon {@code adam_epsilon}
 * @param weightDecay decoupled
 * @param maxGradNorm global norm to which gradients are clipped; 0 = off
 * @param scheduler {@code lr_scheduler_type}
 * @param warmup 1 or more: steps; below 1: fraction of all steps ({@code warmup_steps}, or the
 *     older {@code warmup_ratio})
 * @param cycles {@code num_cycles} of {@code lr_scheduler_kwargs}: waves of the cosine
 * @param minimumRatio {@code min_lr_rate} of {@code lr_scheduler_kwargs} ({@code min_lr} divided by
 *     the learning rate): smallest rate as a fraction of the largest
 */
public record OptimizerConfig(
    double learningRate,
    double beta1,
    double beta2,
    double epsilon,
    double weightDecay,
    double maxGradNorm,
    Scheduler scheduler,
    double warmup,
    double cycles,
    double minimumRatio) {

  /** transformers' default: the cosine falls once from the largest rate to the end. */
  private static final double HALF_WAVE = 0.5;

  static Key<Double> learningRate(double defaultValue) {
    return new Key<>("learning_rate", ValueType.atLeast(0), defaultValue);
  }

  static OptimizerConfig read(Values values, Key<Double> learningRate) {
    double warmup = values.get(TrainingKeys.WARMUP_STEPS);
    if (values.get(TrainingKeys.WARMUP_RATIO).isPresent()) {
      if (warmup > 0) {
        values.complain(TrainingKeys.WARMUP_RATIO, "give either this or warmup_steps, not both");
      }
      double ratio = values.get(TrainingKeys.WARMUP_RATIO).get();
      if (ratio == 1) {
        values.complain(
            TrainingKeys.WARMUP_RATIO,
            "found 1, which leaves no step after warm-up; expected less");
      }
      warmup = ratio;
    }
    if (warmup > 1 && warmup != Math.rint(warmup)) {
      values.complain(
          TrainingKeys.WARMUP_STEPS,
          "found " + warmup + ", expected a whole number of steps, or a fraction below 1");
    }
    double rate = values.get(learningRate);
    Scheduler scheduler = values.get(TrainingKeys.SCHEDULER);
    Map<String, Object> kwargs = values.get(TrainingKeys.SCHEDULER_KWARGS).orElse(Map.of());
    boolean cosine = scheduler == Scheduler.COSINE || scheduler == Scheduler.COSINE_WITH_MIN_LR;
    double cycles = HALF_WAVE;
    double minimumRatio = 0;
    for (Map.Entry<String, Object> entry : kwargs.entrySet()) {
      double number = entry.getValue() instanceof Number n ? n.doubleValue() : Double.NaN;
      boolean minimum = scheduler == Scheduler.COSINE_WITH_MIN_LR;
      if (entry.getKey().equals("num_cycles") && cosine && number >= 0) {
        cycles = number;
      } else if (entry.getKey().equals("min_lr_rate") && minimum && number >= 0 && number <= 1) {
        minimumRatio = number;
      } else if (entry.getKey().equals("min_lr")
          && minimum
          && number >= 0
          && number <= rate
          && rate > 0) {
        minimumRatio = number / rate;
      } else {
        values.complain(
            TrainingKeys.SCHEDULER_KWARGS,
            "found "
                + entry.getKey()
                + ": "
                + entry.getValue()
                + "; expected num_cycles >= 0 (cosine, cosine_with_min_lr), min_lr_rate in [0, 1] or min_lr up to learning_rate"
                + " (cosine_with_min_lr)");
      }
    }
    boolean hasMinimum = kwargs.containsKey("min_lr_rate") || kwargs.containsKey("min_lr");
    if (scheduler == Scheduler.COSINE_WITH_MIN_LR && !hasMinimum) {
      values.complain(
          TrainingKeys.SCHEDULER,
          "cosine_with_min_lr needs min_lr_rate or min_lr in lr_scheduler_kwargs");
    }
    if (kwargs.containsKey("min_lr_rate") && kwargs.containsKey("min_lr")) {
      values.complain(TrainingKeys.SCHEDULER_KWARGS, "give either min_lr_rate or min_lr, not both");
    }
    return new OptimizerConfig(
        rate,
        values.get(TrainingKeys.ADAM_BETA1),
        values.get(TrainingKeys.ADAM_BETA2),
        values.get(TrainingKeys.ADAM_EPSILON),
        values.get(TrainingKeys.WEIGHT_DECAY),
        values.get(TrainingKeys.MAX_GRAD_NORM),
        scheduler,
        warmup,
        cycles,
        minimumRatio);
  }
}
