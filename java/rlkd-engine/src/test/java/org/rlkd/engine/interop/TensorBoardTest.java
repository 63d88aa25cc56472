package org.rlkd.engine.interop;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.engine.training.metrics.TensorBoardSink;

/** TensorBoard's own reader finds the scalars of a run, a resumed one's too. */
class TensorBoardTest {
  @TempDir Path folder;

  private record Point(long step, float value) {}

  @Test
  void tensorboard_reads_the_scalars_and_drops_what_a_resumed_run_did_again() throws Exception {
    Python python = Python.with(folder, "tensorboard");
    Path events = folder.resolve("events");
    Map<String, List<Point>> written = new TreeMap<>();
    write(events, 0, 40, 1, written); // stopped here; its last checkpoint was of step 25
    written.values().forEach(points -> points.removeIf(point -> point.step > 25));
    write(events, 25, 400, 2, written);

    JsonNode read = new ObjectMapper().readTree(python.script("scalars.py", events.toString()));
    Map<String, List<Point>> found = new TreeMap<>();
    for (Map.Entry<String, JsonNode> tag : read.properties()) {
      List<Point> points = new ArrayList<>();
      for (JsonNode point : tag.getValue()) {
        points.add(new Point(point.get(0).longValue(), point.get(1).floatValue()));
      }
      found.put(tag.getKey(), points);
    }
    assertThat(found).isEqualTo(written);
  }

  /** Writes the steps after {@code from} up to {@code to}. */
  private static void write(
      Path events, long from, long to, int run, Map<String, List<Point>> written) {
    try (TensorBoardSink sink = new TensorBoardSink(events, from)) {
      for (long step = from + 1; step <= to; step++) {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("loss", run / (double) step);
        metrics.put("rewards/accuracy/mean", Math.sin(step) * 1e-6);
        if (step % 10 == 0) {
          metrics.put("completions/mean_length", 1e9 * step);
        }
        sink.write(step, metrics);
        for (Map.Entry<String, Double> metric : metrics.entrySet()) {
          written
              .computeIfAbsent(metric.getKey(), tag -> new ArrayList<>())
              .add(new Point(step, metric.getValue().floatValue()));
        }
      }
    }
  }
}
