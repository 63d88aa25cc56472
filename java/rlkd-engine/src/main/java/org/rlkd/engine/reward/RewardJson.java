package org.rlkd.engine.reward;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.reward.RewardExplanation;
import org.rlkd.core.reward.StructureAssessment;

/**
 * The rewards of one completion as fields of its line in {@code completions.jsonl}.
 *
 * <pre>
 * rewards     {name: number, null = unscorable}
 * unscorable  {name: why}, where a reward says it
 * structure   where a reward assessed the structure:
 *   student     [{metaReasoning, query, answer}]
 *   teacher     the best path, likewise
 *   judgements  for each student step {meta, query, answer, teacher_step, reward}; null = no partner
 * </pre>
 */
public final class RewardJson {
  private RewardJson() {}

  /**
   * Adds the fields to a line.
   *
   * @param scores by the name of each reward; NaN = unscorable
   * @param explanations by the name of each reward that explains itself
   */
  public static void put(
      ObjectNode line, Map<String, Double> scores, Map<String, RewardExplanation> explanations) {
    ObjectNode values = line.putObject("rewards");
    scores.forEach((name, score) -> putNumber(values, name, score));
    explanations.forEach(
        (name, explanation) -> {
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
}
