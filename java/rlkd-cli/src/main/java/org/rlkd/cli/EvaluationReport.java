package org.rlkd.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.rlkd.core.InputException;
import org.rlkd.engine.evaluation.Benchmark;
import org.rlkd.engine.evaluation.Bootstrap.Interval;
import org.rlkd.engine.evaluation.EvaluationSummary;

/** The outcome of {@code rlkd eval} as a table and {@code summary.json}. */
final class EvaluationReport {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ACCURACY = "accuracy";

  private final Path model;
  private final Path data;
  private final Benchmark benchmark;
  private final List<Long> seeds;
  private final EvaluationSummary summary;

  /**
   * @param seeds one for each result of the summary
   */
  EvaluationReport(
      Path model, Path data, Benchmark benchmark, List<Long> seeds, EvaluationSummary summary) {
    this.model = model;
    this.data = data;
    this.benchmark = benchmark;
    this.seeds = seeds;
    this.summary = summary;
  }

  /** The table for the terminal; shares in per cent, 95 % intervals in brackets. */
  String table() {
    int k = summary.samplesPerProblem();
    StringBuilder text = new StringBuilder();
    text.append("model             %s%n".formatted(model));
    text.append(
        "data              %s, %d problems x %d%s%n"
            .formatted(
                data,
                summary.problems(),
                k,
                seeds.size() == 1 ? "" : ", %d seeds".formatted(seeds.size())));
    for (String reward : summary.rewards()) {
      String name = reward.equals(ACCURACY) ? "accuracy avg@" + k : reward;
      long unscorable = summary.unscorable(reward);
      text.append("%-17s %s".formatted(name, share(summary.mean(reward))));
      text.append(unscorable == 0 ? "" : "   (%d unscorable)".formatted(unscorable));
      text.append('\n');
    }
    // Every power of two and k itself; all of them are in summary.json.
    for (int n = 1; n <= k; n = n < k ? Math.min(2 * n, k) : k + 1) {
      text.append("%-17s %s%n".formatted("pass@" + n, share(summary.passAt(n))));
    }
    text.append("%-17s %7.1f tokens%n".formatted("mean length", summary.meanLength()));
    text.append("%-17s %7.1f %%%n".formatted("truncated", 100 * summary.truncatedShare()));
    groups(text, "subject", summary.groups(benchmark.subjects()));
    groups(text, "level", summary.groups(benchmark.levels()));
    return text.toString();
  }

  private void groups(StringBuilder text, String name, List<EvaluationSummary.Group> groups) {
    if (groups.isEmpty()) {
      return;
    }
    int k = summary.samplesPerProblem();
    text.append("%n%-24s %8s  %-24s %s%n".formatted(name, "problems", "avg@" + k, "pass@" + k));
    for (EvaluationSummary.Group group : groups) {
      text.append(
          "%-24s %8d  %-24s %s%n"
              .formatted(
                  group.label(),
                  group.problems(),
                  share(group.accuracy()),
                  share(group.passAtK())));
    }
  }

  private static String share(Interval value) {
    return Double.isNaN(value.mean())
        ? "      -"
        : "%7.1f %% [%.1f, %.1f]"
            .formatted(100 * value.mean(), 100 * value.low(), 100 * value.high());
  }

  /** Writes summary.json into an existing directory. */
  void write(Path directory) {
    Path file = directory.resolve("summary.json");
    try {
      Files.writeString(file, json().toPrettyString() + "\n");
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
  }

  /** All shares as fractions of 1. */
  private ObjectNode json() {
    ObjectNode json = JSON.createObjectNode();
    json.put("model", model.toString());
    json.put("data", data.toString());
    json.put("problems", summary.problems());
    json.put("samples", summary.samplesPerProblem());
    seeds.forEach(json.withArray("/seeds")::add);
    ObjectNode unscorable = JSON.createObjectNode();
    ObjectNode intervals = JSON.createObjectNode();
    for (String reward : summary.rewards()) {
      Interval mean = summary.mean(reward);
      json.put(reward, Double.isNaN(mean.mean()) ? null : mean.mean());
      put(intervals, reward, mean);
      unscorable.put(reward, summary.unscorable(reward));
    }
    ObjectNode pass = json.putObject("pass_at");
    for (int n = 1; n <= summary.samplesPerProblem(); n++) {
      Interval passed = summary.passAt(n);
      pass.put(Integer.toString(n), passed.mean());
      put(intervals, "pass_at_" + n, passed);
    }
    json.set("intervals", intervals);
    json.put("mean_length", summary.meanLength());
    json.put("truncated", summary.truncatedShare());
    json.set("unscorable", unscorable);
    putGroups(json, "by_subject", summary.groups(benchmark.subjects()));
    putGroups(json, "by_level", summary.groups(benchmark.levels()));
    return json;
  }

  private static void putGroups(
      ObjectNode json, String name, List<EvaluationSummary.Group> groups) {
    if (groups.isEmpty()) {
      return;
    }
    ObjectNode all = json.putObject(name);
    for (EvaluationSummary.Group group : groups) {
      ObjectNode one = all.putObject(group.label());
      one.put("problems", group.problems());
      one.put(ACCURACY, group.accuracy().mean());
      one.put("pass_at_k", group.passAtK().mean());
      put(one, "accuracy_interval", group.accuracy());
    }
  }

  private static void put(ObjectNode node, String name, Interval interval) {
    if (Double.isNaN(interval.mean())) {
      node.putNull(name);
    } else {
      node.putArray(name).add(interval.low()).add(interval.high());
    }
  }
}
