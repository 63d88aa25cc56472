package org.rlkd.engine.policy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.engine.GoldenFolder;
import org.rlkd.engine.tensor.HostArrays;

/** Numbers of a golden JSON file, where null means NaN, and the differences found against them. */
final class GoldenNumbers {
  private final double absolute;
  private final double relative;
  private final List<String> wrong = new ArrayList<>();
  private double largest;
  private int compared;

  /** Accepts |actual - expected| up to absolute + relative |expected|. */
  GoldenNumbers(double absolute, double relative) {
    this.absolute = absolute;
    this.relative = relative;
  }

  /** The files of golden/grpo called NAME.json or, where there are several, NAME-*.json. */
  static List<JsonNode> files(String name) throws IOException {
    List<JsonNode> files = new ArrayList<>();
    for (Path file : GoldenFolder.files("grpo", ".json")) {
      if (file.getFileName().toString().matches(name + "(-.*)?\\.json")) {
        files.add(read(file));
      }
    }
    return files;
  }

  static JsonNode read(Path file) throws IOException {
    return new ObjectMapper().readTree(file.toFile());
  }

  static double number(JsonNode node) {
    return node == null || node.isNull() ? Double.NaN : node.doubleValue();
  }

  /** All numbers of a nested array, row-major. */
  static double[] flat(JsonNode node) {
    List<Double> values = new ArrayList<>();
    collect(node, values);
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static void collect(JsonNode node, List<Double> values) {
    if (node.isArray()) {
      node.forEach(child -> collect(child, values));
    } else {
      values.add(number(node));
    }
  }

  /** A float32 tensor of a nested array; null for null. */
  static Tensor tensor(JsonNode node, long... shape) {
    if (node == null || node.isNull()) {
      return null;
    }
    double[] values = flat(node);
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return HostArrays.floats(floats, shape);
  }

  void compare(String name, double actual, double expected) {
    compared++;
    if (Double.isNaN(actual) || Double.isNaN(expected)) {
      if (!(Double.isNaN(actual) && Double.isNaN(expected))) {
        wrong.add(name + ": " + actual + ", expected " + expected);
      }
      return;
    }
    double difference = Math.abs(actual - expected);
    largest = Math.max(largest, difference);
    if (!(difference <= absolute + relative * Math.abs(expected))) {
      wrong.add(name + ": " + actual + ", expected " + expected + ", difference " + difference);
    }
  }

  void compare(String name, double[] actual, double[] expected) {
    if (actual.length != expected.length) {
      wrong.add(name + ": " + actual.length + " values, expected " + expected.length);
      return;
    }
    for (int i = 0; i < actual.length; i++) {
      compare(name + "[" + i + "]", actual[i], expected[i]);
    }
  }

  /** Every expected metric must be there; others may be too. */
  void compare(Map<String, Double> actual, JsonNode expected) {
    for (Map.Entry<String, JsonNode> metric : expected.properties()) {
      if (actual.containsKey(metric.getKey())) {
        compare(metric.getKey(), actual.get(metric.getKey()), number(metric.getValue()));
      } else {
        wrong.add("no metric " + metric.getKey());
      }
    }
  }

  /** The differences since the last call. */
  List<String> takeWrong() {
    List<String> taken = List.copyOf(wrong);
    wrong.clear();
    return taken;
  }

  /** Largest absolute difference so far. */
  double largest() {
    return largest;
  }

  int compared() {
    return compared;
  }
}
