package org.rlkd.engine.training.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AveragedMetricSinkTest {
  private final List<String> rows = new ArrayList<>();

  private final MetricSink recorder =
      new MetricSink() {
        @Override
        public void write(long step, Map<String, Double> metrics) {
          rows.add(step + " " + metrics);
        }

        @Override
        public void sync() {}

        @Override
        public void close() {
          rows.add("closed");
        }
      };

  private void log(int steps, int loggingSteps, boolean firstStep) {
    try (MetricSink sink = new AveragedMetricSink(recorder, loggingSteps, firstStep)) {
      for (int step = 1; step <= steps; step++) {
        sink.write(step, Map.of("loss", step == 3 ? Double.NaN : step));
      }
    }
  }

  @Test
  void aRowIsTheMeanOfItsStepsWithoutThoseThatHaveNoValue() {
    log(6, 3, false);
    assertThat(rows).containsExactly("3 {loss=1.5}", "6 {loss=5.0}", "closed");
  }

  @Test
  void whatIsLeftAtTheEndIsALastRow() {
    log(5, 4, false);
    assertThat(rows).containsExactly("4 {loss=2.3333333333333335}", "5 {loss=5.0}", "closed");
  }

  @Test
  void theFirstStepHasARowOfItsOwnWhereAskedFor() {
    log(2, 2, true);
    assertThat(rows).containsExactly("1 {loss=1.0}", "2 {loss=2.0}", "closed");
  }
}
