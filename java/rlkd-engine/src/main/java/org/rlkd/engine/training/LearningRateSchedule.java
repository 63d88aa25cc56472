package org.rlkd.engine.training;

import org.rlkd.core.UsageException;
import org.rlkd.core.config.OptimizerConfig;
import org.rlkd.core.config.Scheduler;

/**
 * The learning rate of each optimizer step, by the formulas of transformers' {@code
 * optimization.py}.
 *
 * <p>With w warm-up steps, n total steps and k updates already done: the rate is {@code peak * k /
 * max(1, w)} for k &lt; w (all kinds but {@code CONSTANT}), then, with p = (k - w) / max(1, n - w),
 *
 * <pre>
 * CONSTANT, CONSTANT_WITH_WARMUP   peak
 * LINEAR                           peak * max(0, 1 - p)
 * COSINE                           peak * max(0, (1 + cos(2 pi cycles p)) / 2)
 * COSINE_WITH_MIN_LR               peak * max(0, (1 + cos(2 pi cycles p)) / 2 * (1 - m) + m),  m = minimumRatio
 * </pre>
 *
 * @param kind the form of the curve ({@code lr_scheduler_type})
 * @param peak the rate after warm-up ({@code learning_rate})
 * @param warmup as transformers 5's {@code warmup_steps}: 1 or more is a number of steps (rounded
 *     down), less than 1 a fraction of all steps (rounded up; the older {@code warmup_ratio})
 * @param cycles waves of the cosine; 0.5 falls once from the peak to the end ({@code num_cycles})
 * @param minimumRatio the smallest rate as a fraction of the peak ({@code min_lr_rate}); {@code
 *     COSINE_WITH_MIN_LR} alone
 */
public record LearningRateSchedule(
    Scheduler kind, double peak, double warmup, double cycles, double minimumRatio) {

  /** transformers' {@code num_cycles}: half a wave. */
  public static final double HALF_CYCLE = 0.5;

  public LearningRateSchedule {
    check(peak >= 0, "learning_rate", peak, "at least 0");
    check(warmup >= 0, "warmup_steps", warmup, "at least 0");
    check(cycles >= 0, "num_cycles", cycles, "at least 0");
    check(minimumRatio >= 0 && minimumRatio <= 1, "min_lr_rate", minimumRatio, "in [0, 1]");
  }

  /** The schedule of a configuration. */
  public static LearningRateSchedule of(OptimizerConfig config) {
    return new LearningRateSchedule(
        config.scheduler(),
        config.learningRate(),
        config.warmup(),
        config.cycles(),
        config.minimumRatio());
  }

  /** A schedule with half a wave and a minimum of 0. */
  public static LearningRateSchedule of(Scheduler kind, double peak, double warmup) {
    return new LearningRateSchedule(kind, peak, warmup, HALF_CYCLE, 0);
  }

  /** The same rate at every step. */
  public static LearningRateSchedule constant(double rate) {
    return of(Scheduler.CONSTANT, rate, 0);
  }

  /** Warm-up steps of a run of so many optimizer steps. */
  public long warmupSteps(long totalSteps) {
    return (long) (warmup >= 1 ? warmup : Math.ceil(totalSteps * warmup));
  }

  /**
   * The learning rate of the next update.
   *
   * @param updatesDone optimizer steps before it, 0 for the first
   * @param totalSteps optimizer steps of the whole run
   */
  public double rate(long updatesDone, long totalSteps) {
    if (kind == Scheduler.CONSTANT) {
      return peak;
    }
    long warmupSteps = warmupSteps(totalSteps);
    if (updatesDone < warmupSteps) {
      return peak * ((double) updatesDone / Math.max(1, warmupSteps));
    }
    double afterWarmup = Math.max(1, totalSteps - warmupSteps);
    double wave =
        0.5 * (1 + Math.cos(Math.PI * cycles * 2 * ((updatesDone - warmupSteps) / afterWarmup)));
    return switch (kind) {
      case CONSTANT, CONSTANT_WITH_WARMUP -> peak;
      case LINEAR -> peak * Math.max(0, (totalSteps - updatesDone) / afterWarmup);
      case COSINE -> peak * Math.max(0, wave);
      case COSINE_WITH_MIN_LR -> peak * Math.max(0, wave * (1 - minimumRatio) + minimumRatio);
    };
  }

  private static void check(boolean valid, String name, double found, String expected) {
    if (!valid) {
      throw new UsageException(name + ": found " + found + ", expected " + expected);
    }
  }
}
