package org.rlkd.engine.training;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.reward.RewardExplanation;
import org.rlkd.core.reward.RewardMatrix;
import org.rlkd.core.reward.StructureAssessment;
import org.rlkd.engine.training.metrics.JsonlFile;

/**
 * {@code completions.jsonl}: every sampled completion with its rewards, one object a line.
 *
 * <pre>
 * step, problem (id), prompt, completion, answer, tokens, finish_reason, advantage,
 * rewards     {name: number, null = unscorable}
 * unscorable  {name: why}, where a reward says it
 * structure   where a reward assessed the structure:
 *   student     [{metaReasoning, query, answer}]
 *   teacher     the best path, likewise
 *   judgements  for each student step {meta, query, answer, teacher_step, reward}; null = no partner
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
      ObjectNode values = line.putObject("rewards");
      for (int f = 0; f < rewards.names().size(); f++) {
        putNumber(values, rewards.names().get(f), rewards.values()[i][f]);
      }
      explain(line, rewards.explanations(), i);
      file.append(line);
    }
  }

  private static void explain(
      ObjectNode line, Map<String, List<? extends RewardExplanation>> explanations, int row) {
    explanations.forEach(
        (name, column) -> {
          RewardExplanation explanation = column.get(row);
          if (explanation.unscorableReason() != null) {
            line.withObject("/unscorable").put(name, explanation.unscorableReason());
          }
          if (explanation instanceof StructureAssessment structure) {
            put(line.putObject("structure"), structure);
          }
        });
  }

  private static void put(ObjectNode node, StructureAssessment structure) {
    ArrayNode student = node.putArray("student");
    ArrayNode judgements = node.putArray("judgements");
    for (StructureAssessment.StudentStep step : structure.studentSteps()) {
      put(student.addObject(), step.step());
      Judgement judgement = step.judgement();
      if (judgement == null) {
        judgements.addNull();
      } else {
        ObjectNode judged = judgements.addObject();
        putNumber(judged, "meta", judgement.meta());
        putNumber(judged, "query", judgement.query());
        putNumber(judged, "answer", judgement.answer());
        judged.put("teacher_step", step.teacherStep());
        putNumber(judged, "reward", step.reward());
      }
    }
    ArrayNode teacher = node.putArray("teacher");
    structure.teacherSteps().forEach(step -> put(teacher.addObject(), step));
  }

  private static void put(ObjectNode node, Step step) {
    node.put("metaReasoning", step.metaReasoning());
    node.put("query", step.query());
    node.put("answer", step.answer());
  }

  private static void putNumber(ObjectNode node, String name, double value) {
    node.put(name, Double.isFinite(value) ? value : null);
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
