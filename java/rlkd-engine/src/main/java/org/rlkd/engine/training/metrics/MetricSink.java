package org.rlkd.engine.training.metrics;

import java.util.List;
import java.util.Map;

/** Where the metrics of a run go. Called by the training thread alone. */
public interface MetricSink extends AutoCloseable {

  /**
   * Records the metrics of one optimizer step.
   *
   * @param step optimizer steps done, 1 for the first
   * @param metrics values by name, in the order in which they are to be shown; NaN = no value
   * @throws org.rlkd.core.InputException if the file cannot be written
   */
  void write(long step, Map<String, Double> metrics);

  /** Records the metrics of an evaluation, in a row of their own that is never averaged. */
  default void writeEvaluation(long step, Map<String, Double> metrics) {
    write(step, metrics);
  }

  /** Makes what was written durable. Called before a checkpoint becomes visible. */
  void sync();

  @Override
  void close();

  /** A sink that keeps nothing. */
  static MetricSink none() {
    return new Tee(List.of());
  }

  /** Writes to every one of the sinks, in their order; closing it closes them. */
  static MetricSink all(MetricSink... sinks) {
    return new Tee(List.of(sinks));
  }

  /** Several sinks as one. */
  record Tee(List<MetricSink> sinks) implements MetricSink {
    @Override
    public void write(long step, Map<String, Double> metrics) {
      sinks.forEach(sink -> sink.write(step, metrics));
    }

    @Override
    public void writeEvaluation(long step, Map<String, Double> metrics) {
      sinks.forEach(sink -> sink.writeEvaluation(step, metrics));
    }

    @Override
    public void sync() {
      sinks.forEach(MetricSink::sync);
    }

    @Override
    public void close() {
      sinks.forEach(MetricSink::close);
    }
  }
}
