package org.rlkd.cli;

import java.time.Duration;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.rlkd.engine.training.StepListener;
import org.rlkd.engine.training.StepReport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A progress bar over optimizer steps with the metric that tells how the run is doing; ends the run
 * when it is asked to.
 */
final class TrainingProgress implements StepListener, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TrainingProgress.class);

  private final String task;
  private final String watched;
  private final BooleanSupplier stop;
  private Progress bar;

  /**
   * A bar that opens at the first step.
   *
   * @param watched name of the metric beside the bar
   * @param stop whether the run is to end after the present step
   */
  TrainingProgress(String task, String watched, BooleanSupplier stop) {
    this.task = task;
    this.watched = watched;
    this.stop = stop;
  }

  @Override
  public boolean afterStep(StepReport report) {
    if (bar == null) {
      Duration first = Duration.ofNanos((long) (1e9 / report.stepsPerSecond()));
      bar = new Progress(task, report.totalSteps(), "steps", report.step(), first);
    }
    Map<String, Double> metrics = report.metrics();
    bar.to(report.step(), "%s %.4g".formatted(watched, metrics.getOrDefault(watched, Double.NaN)));
    return !stop.getAsBoolean();
  }

  @Override
  public void afterEvaluation(long step, Map<String, Double> metrics) {
    StringBuilder line = new StringBuilder("step " + step + ":");
    metrics.forEach((name, value) -> line.append(" %s %.4g".formatted(name, value)));
    LOG.info(line.toString());
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
