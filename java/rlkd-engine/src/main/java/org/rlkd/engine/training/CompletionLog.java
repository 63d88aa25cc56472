package org.rlkd.engine.training;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rlkd.core.reward.RewardExplanation;
import org.rlkd.core.reward.RewardMatrix;
import org.rlkd.engine.reward.RewardJson;
import org.rlkd.engine.training.metrics.JsonlFile;

/**
 * {@code completions.jsonl}: every sampled completion with its rewards, one object a line.
 *
 * <pre>
 * step, problem (id), prompt, completion, answer, tokens, finish_reason, advantage,
 * rewards, unscorable, structure    see {@link RewardJson}
 * </pre>
 */
public final class CompletionLog implements AutoCloseable {
  private final JsonlFile file;

  /**
   * @param lastStep the step from which the run goes on, 0 for a new run: later lines are removed
   */
  public CompletionLog(Path path, long lastStep) {
    this.file = new JsonlFile(path, lastStep);
  }

  /**
   * Writes the completions of one generation batch.
   *
   * @param step the optimizer step that they are sampled for, 1 for the first
   */
  void write(
      long step, List<SampledCompletion> completions, RewardMatrix rewards, float[] advantages) {
    for (int i = 0; i < completions.size(); i++) {
      SampledCompletion sampled = completions.get(i);
      ObjectNode line = file.newLine(step);
      line.put("problem", sampled.prompt().problem().id());
      line.put("prompt", sampled.prompt().text());
      line.put("completion", sampled.text());
      line.put("answer", sampled.prompt().problem().answer());
      line.put("tokens", sampled.completion().length());
      line.put(
          "finish_reason", sampled.completion().finishReason().name().toLowerCase(Locale.ROOT));
      line.put("advantage", advantages[i]);
      Map<String, Double> scores = new LinkedHashMap<>();
      for (int f = 0; f < rewards.names().size(); f++) {
        scores.put(rewards.names().get(f), rewards.values()[i][f]);
      }
      RewardJson.put(line, scores, explanations(rewards, i));
      file.append(line);
    }
  }

  private static Map<String, RewardExplanation> explanations(RewardMatrix rewards, int row) {
    Map<String, RewardExplanation> explanations = new LinkedHashMap<>();
    rewards.explanations().forEach((name, column) -> explanations.put(name, column.get(row)));
    return explanations;
  }

  /** Makes what was written durable. */
  public void sync() {
    file.sync();
  }

  @Override
  public void close() {
    file.close();
  }
}
