package org.rlkd.engine.training.metrics;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Map;

/**
 * {@code metrics.jsonl}: one object a step, {@code step} first; a value that is not finite is null.
 */
public final class JsonlMetricSink implements MetricSink {
  private final JsonlFile file;

  /**
   * @param lastStep the step from which the run goes on, 0 for a new run: later lines are removed
   */
  public JsonlMetricSink(Path path, long lastStep) {
    this.file = new JsonlFile(path, lastStep);
  }

  @Override
  public void write(long step, Map<String, Double> metrics) {
    ObjectNode line = file.newLine(step);
    metrics.forEach((name, value) -> line.put(name, Double.isFinite(value) ? value : null));
    file.append(line);
  }

  @Override
  public void sync() {
    file.sync();
  }

  @Override
  public void close() {
    file.close();
  }
}
