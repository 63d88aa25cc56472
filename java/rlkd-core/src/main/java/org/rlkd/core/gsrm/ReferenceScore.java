package org.rlkd.core.gsrm;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.rlkd.core.gsrm.ReferenceJudge.Question;

/**
 * The structure reward exactly as the RLKD reference computes it ({@code compatibility: reference};
 * its {@code process_item}).
 *
 * <p>Blocks are paired by position in each kind's own list. A think reply without "yes" zeroes this
 * and all later steps and ends the questions about thinks; a query or answer reply with "no" in it
 * halves its step; a step without partner keeps its value. A text without sub-think block on either
 * side scores 0, and so does any failure.
 *
 * @param stepRewards what each pair of sub-think blocks earned
 * @param failed an exception was swallowed (missing text, failing judge); the reward is 0
 */
public record ReferenceScore(List<Double> stepRewards, boolean failed) {
  public ReferenceScore {
    stepRewards = List.copyOf(stepRewards);
  }

  /** The sum over steps, not normalised. */
  public double reward() {
    return stepRewards.stream().mapToDouble(Double::doubleValue).sum();
  }

  /**
   * Scores the student's decomposition against the teacher's; null stands for a text that is none.
   */
  public static ReferenceScore of(String student, String teacher, ReferenceJudge judge) {
    try {
      Optional<ReferenceSections> studentSections = ReferenceSections.parse(student);
      Optional<ReferenceSections> teacherSections = ReferenceSections.parse(teacher);
      if (studentSections.isEmpty() || teacherSections.isEmpty()) {
        return new ReferenceScore(List.of(), false);
      }
      return new ReferenceScore(steps(studentSections.get(), teacherSections.get(), judge), false);
    } catch (RuntimeException e) {
      return new ReferenceScore(List.of(), true);
    }
  }

  private static List<Double> steps(
      ReferenceSections student, ReferenceSections teacher, ReferenceJudge judge) {
    double[] steps = new double[Math.min(student.subThinks().size(), teacher.subThinks().size())];
    for (int i = 0; i < steps.length; i++) {
      if (!says(
          "yes", judge, Question.THINK, teacher.subThinks().get(i), student.subThinks().get(i))) {
        break;
      }
      steps[i] = 1;
    }
    halve(steps, Question.QUERY, teacher.queries(), student.queries(), judge);
    halve(steps, Question.ANSWER, teacher.answers(), student.answers(), judge);
    return Arrays.stream(steps).boxed().toList();
  }

  private static void halve(
      double[] steps,
      Question question,
      List<String> teacher,
      List<String> student,
      ReferenceJudge judge) {
    int pairs = Math.min(steps.length, Math.min(teacher.size(), student.size()));
    for (int i = 0; i < pairs; i++) {
      if (steps[i] != 0 && says("no", judge, question, teacher.get(i), student.get(i))) {
        steps[i] *= 0.5;
      }
    }
  }

  private static boolean says(
      String word,
      ReferenceJudge judge,
      Question question,
      String teacherBlock,
      String studentBlock) {
    return judge
        .reply(question, teacherBlock, studentBlock)
        .toLowerCase(Locale.ROOT)
        .contains(word);
  }
}
