package org.rlkd.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import org.rlkd.core.InputException;
import org.rlkd.engine.evaluation.EvaluatedCompletion;
import org.rlkd.engine.evaluation.EvaluationResult;
import org.rlkd.engine.reward.RewardJson;

/**
 * The outcome of {@code rlkd eval} as a table, {@code summary.json} and {@code completions.jsonl}.
 */
final class EvaluationReport {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ACCURACY = "accuracy";

  private final Path model;
  private final Path data;
  private final EvaluationResult result;

  EvaluationReport(Path model, Path data, EvaluationResult result) {
    this.model = model;
    this.data = data;
    this.result = result;
  }

  /** The table for the terminal; shares in per cent. */
  String table() {
    int k = result.samplesPerProblem();
    StringBuilder text = new StringBuilder();
    text.append("model             %s%n".formatted(model));
    text.append("data              %s, %d problems x %d%n".formatted(data, result.problems(), k));
    for (String reward : rewards()) {
      String name = reward.equals(ACCURACY) ? "accuracy avg@" + k : reward;
      long unscorable = result.unscorable(reward);
      text.append("%-17s %s".formatted(name, share(result.mean(reward))));
      text.append(unscorable == 0 ? "" : "   (%d unscorable)".formatted(unscorable));
      text.append('\n');
    }
    // Every power of two and k itself; all of them are in summary.json.
    for (int n = 1; n <= k; n = n < k ? Math.min(2 * n, k) : k + 1) {
      double pass = result.passAt(n, ACCURACY);
      text.append("%-17s %s%n".formatted("pass@" + n, share(OptionalDouble.of(pass))));
    }
    text.append("%-17s %7.1f tokens%n".formatted("mean length", result.meanLength()));
    text.append(
        "%-17s %s%n".formatted("truncated", share(OptionalDouble.of(result.truncatedShare()))));
    return text.toString();
  }

  private static String share(OptionalDouble value) {
    return value.isEmpty() ? "      -" : "%7.1f %%".formatted(100 * value.getAsDouble());
  }

  private List<String> rewards() {
    return List.copyOf(result.completions().get(0).scores().keySet());
  }

  /** Writes both files into an existing directory. */
  void write(Path directory) {
    try (LineOutput lines = LineOutput.to(directory.resolve("completions.jsonl"))) {
      result.completions().forEach(completion -> lines.write(line(completion)));
      lines.complete();
    }
    Path file = directory.resolve("summary.json");
    try {
      Files.writeString(file, summary().toPrettyString() + "\n");
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
  }

  /** All shares as fractions of 1. */
  private ObjectNode summary() {
    ObjectNode summary = JSON.createObjectNode();
    summary.put("model", model.toString());
    summary.put("data", data.toString());
    summary.put("problems", result.problems());
    summary.put("samples", result.samplesPerProblem());
    ObjectNode unscorable = JSON.createObjectNode();
    for (String reward : rewards()) {
      OptionalDouble mean = result.mean(reward);
      summary.put(reward, mean.isEmpty() ? null : mean.getAsDouble());
      unscorable.put(reward, result.unscorable(reward));
    }
    ObjectNode pass = summary.putObject("pass_at");
    for (int n = 1; n <= result.samplesPerProblem(); n++) {
      pass.put(Integer.toString(n), result.passAt(n, ACCURACY));
    }
    summary.put("mean_length", result.meanLength());
    summary.put("truncated", result.truncatedShare());
    summary.set("unscorable", unscorable);
    return summary;
  }

  private static ObjectNode line(EvaluatedCompletion completion) {
    ObjectNode line = JSON.createObjectNode();
    line.put("problem", completion.problem().id());
    line.put("sample", completion.sample());
    line.put("completion", completion.text());
    line.put("answer", completion.problem().answer());
    line.put("tokens", completion.tokens());
    line.put("finish_reason", completion.finishReason().name().toLowerCase(Locale.ROOT));
    RewardJson.put(line, completion.scores(), completion.explanations());
    return line;
  }
}
