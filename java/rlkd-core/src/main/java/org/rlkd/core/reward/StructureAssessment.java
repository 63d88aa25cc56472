package org.rlkd.core.reward;

import java.util.List;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.Step;

/**
 * How the {@code structure} reward came about: the student's steps beside the best teacher path.
 *
 * @param reward NaN = unscorable
 * @param unscorableReason null where reward is a number
 * @param studentSteps the student's steps with what each was paired with and earned
 * @param teacherSteps the best path; where several wordings were merged into a node, the one that
 *     fits its student step best. Empty where there is no teacher
 */
public record StructureAssessment(
    double reward, String unscorableReason, List<StudentStep> studentSteps, List<Step> teacherSteps)
    implements RewardExplanation {

  /**
   * A step of the student.
   *
   * @param teacherStep index in {@code teacherSteps} of the step it was paired with, -1 for none
   * @param judgement the three answers about that pair, null for none
   * @param reward what it adds to the reward before normalisation
   */
  public record StudentStep(Step step, int teacherStep, Judgement judgement, double reward) {
    static StudentStep unpaired(Step step) {
      return new StudentStep(step, -1, null, 0);
    }
  }

  public StructureAssessment {
    studentSteps = List.copyOf(studentSteps);
    teacherSteps = List.copyOf(teacherSteps);
  }

  static StructureAssessment unscorable(String reason, List<Step> studentSteps) {
    return new StructureAssessment(
        Double.NaN, reason, studentSteps.stream().map(StudentStep::unpaired).toList(), List.of());
  }
}
