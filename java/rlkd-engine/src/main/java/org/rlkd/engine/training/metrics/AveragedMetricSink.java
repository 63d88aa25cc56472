package org.rlkd.engine.training.metrics;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Passes on one row for every so many steps ({@code logging_steps}): the mean of each metric over
 * the steps since the last row, as TRL logs it, and a last row for what is left at the end. A value
 * that is NaN has no part in its mean.
 */
public final class AveragedMetricSink implements MetricSink {
  /** Sum and number of the finite values since the last row. */
  private record Mean(double sum, long count) {
    Mean plus(double value) {
      return Double.isNaN(value) ? this : new Mean(sum + value, count + 1);
    }

    double value() {
      return count == 0 ? Double.NaN : sum / count;
    }
  }

  private final MetricSink sink;
  private final int loggingSteps;
  private final boolean loggingFirstStep;
  private final Map<String, Mean> window = new LinkedHashMap<>();
  private long lastStep;

  /**
   * A sink before another one, which it closes.
   *
   * @param loggingSteps steps between two rows, at least 1
   * @param loggingFirstStep whether the first step has a row of its own ({@code
   *     logging_first_step})
   */
  public AveragedMetricSink(MetricSink sink, int loggingSteps, boolean loggingFirstStep) {
    if (loggingSteps < 1) {
      throw new IllegalArgumentException("logging_steps of " + loggingSteps);
    }
    this.sink = sink;
    this.loggingSteps = loggingSteps;
    this.loggingFirstStep = loggingFirstStep;
  }

  @Override
  public void write(long step, Map<String, Double> metrics) {
    metrics.forEach(
        (name, value) ->
            window.merge(name, new Mean(0, 0).plus(value), (before, now) -> before.plus(value)));
    lastStep = step;
    if (step % loggingSteps == 0 || (step == 1 && loggingFirstStep)) {
      passOn();
    }
  }

  @Override
  public void writeEvaluation(long step, Map<String, Double> metrics) {
    sink.writeEvaluation(step, metrics);
  }

  private void passOn() {
    Map<String, Double> means = new LinkedHashMap<>();
    window.forEach((name, mean) -> means.put(name, mean.value()));
    window.clear();
    sink.write(lastStep, means);
  }

  @Override
  public void sync() {
    sink.sync();
  }

  @Override
  public void close() {
    try (sink) {
      if (!window.isEmpty()) {
        passOn();
      }
    }
  }
}
