package org.rlkd.cli.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.rlkd.core.InputException;

/**
 * What a page shows of a run directory: {@code metrics.jsonl}, {@code completions.jsonl} and {@code
 * summary.json}, each where it exists. {@link #refresh} reads what was added since. Of the
 * completions only their rewards and places in the file are kept.
 */
final class RunData {
  /** Steps of a long run whose completions are shown, evenly spread, the last one included. */
  static final int COMPLETION_STEPS = 24;

  private static final ObjectMapper JSON = new ObjectMapper();

  private record Completion(long offset, int length) {}

  private final Path directory;
  private JsonlTail metricsFile;
  private JsonlTail completionsFile;
  private List<JsonNode> metrics;
  private TreeMap<Long, List<Completion>> completions;
  private RewardHistograms rewards;
  private JsonNode summary;
  private long version;

  RunData(Path directory) {
    this.directory = directory;
    startOver();
  }

  private void startOver() {
    metricsFile = new JsonlTail(directory.resolve("metrics.jsonl"));
    completionsFile = new JsonlTail(directory.resolve("completions.jsonl"));
    metrics = new ArrayList<>();
    completions = new TreeMap<>();
    rewards = new RewardHistograms();
    summary = JSON.missingNode();
    version++;
  }

  /**
   * Reads what is new.
   *
   * @throws InputException if a file cannot be read or is not JSON
   */
  void refresh() {
    if (!metricsFile.isIntact() || !completionsFile.isIntact()) {
      startOver();
    }
    List<JsonlTail.Row> newMetrics = metricsFile.read();
    newMetrics.forEach(row -> metrics.add(row.json()));
    List<JsonlTail.Row> newCompletions = completionsFile.read();
    for (JsonlTail.Row row : newCompletions) {
      long step = row.json().path("step").asLong();
      completions
          .computeIfAbsent(step, first -> new ArrayList<>())
          .add(new Completion(row.offset(), row.length()));
      rewards.add(step, row.json().path("rewards"));
    }
    JsonNode read = readSummary();
    if (!newMetrics.isEmpty() || !newCompletions.isEmpty() || !read.equals(summary)) {
      version++;
    }
    summary = read;
  }

  /** Another number after each refreshing that found something new. */
  long version() {
    return version;
  }

  boolean isEmpty() {
    return metrics.isEmpty() && completions.isEmpty() && summary.isMissingNode();
  }

  /** {@code summary.json}, or a missing node. */
  JsonNode summary() {
    return summary;
  }

  /** Everything that the page draws. */
  ObjectNode json() {
    ObjectNode data = JSON.createObjectNode().put("version", version);
    data.set("summary", summary.isMissingNode() ? JSON.nullNode() : summary);
    data.set("metrics", JSON.createArrayNode().addAll(metrics));
    List<JsonNode> shown = new ArrayList<>();
    List<Long> steps = List.copyOf(completions.keySet());
    int wanted = Math.min(COMPLETION_STEPS, steps.size());
    for (int i = 0; i < wanted; i++) {
      int at = wanted == 1 ? 0 : (int) Math.round(i * (steps.size() - 1) / (wanted - 1.0));
      for (Completion row : completions.get(steps.get(at))) {
        shown.add(completionsFile.again(row.offset, row.length));
      }
    }
    data.set("completions", JSON.createArrayNode().addAll(shown));
    data.set("histograms", JSON.valueToTree(rewards.histograms()));
    return data;
  }

  private JsonNode readSummary() {
    Path file = directory.resolve("summary.json");
    if (!Files.exists(file)) {
      return JSON.missingNode();
    }
    try {
      return JSON.readTree(file.toFile());
    } catch (IOException e) {
      throw new InputException("%s is not JSON: %s".formatted(file, e.getMessage()), e);
    }
  }
}
