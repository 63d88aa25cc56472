package org.rlkd.core.reward;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rlkd.core.gsrm.Aspect;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.ReferenceJudge;
import org.rlkd.core.gsrm.ReferenceScore;
import org.rlkd.core.gsrm.ReferenceSections;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.StepPair;
import org.rlkd.core.reward.StructureAssessment.StudentStep;

/**
 * One student output against one teacher output as the RLKD reference scores them ({@link
 * ReferenceScore}), its questions asked in a batch beforehand. The judge gets the blocks without
 * their markers; from a probability of 0.5 on it says yes.
 */
final class ReferenceStructure {
  private static final String MARKER = "^\\[[^\\]]*\\]\\s*:?\\s*";
  private static final ReferenceSections NONE =
      new ReferenceSections(List.of(), List.of(), List.of());

  private final String studentOutput;
  private final String teacherOutput;
  private final ReferenceSections student;
  private final ReferenceSections teacher;

  ReferenceStructure(Decomposition.Parsed student, Decomposition.Parsed teacher) {
    this.studentOutput = student.output();
    this.teacherOutput = teacher.output();
    this.student = ReferenceSections.parse(studentOutput).orElse(NONE);
    this.teacher = ReferenceSections.parse(teacherOutput).orElse(NONE);
  }

  /** The blocks of equal position that the reference may ask about. */
  List<StepPair> pairs() {
    List<StepPair> pairs = new ArrayList<>();
    for (int i = 0; i < compared(); i++) {
      pairs.add(new StepPair(step(student, i), step(teacher, i)));
    }
    return pairs;
  }

  private int compared() {
    return Math.min(student.subThinks().size(), teacher.subThinks().size());
  }

  StructureAssessment assess(Map<StepPair, Judgement> judgements) {
    List<StepPair> pairs = pairs();
    Map<List<Object>, Judgement> byBlocks = new HashMap<>();
    for (int i = 0; i < pairs.size(); i++) {
      Judgement judgement = judgements.get(pairs.get(i));
      for (ReferenceJudge.Question question : ReferenceJudge.Question.values()) {
        Optional<String> teacherBlock = block(teacher, question, i);
        Optional<String> studentBlock = block(student, question, i);
        if (teacherBlock.isPresent() && studentBlock.isPresent()) {
          byBlocks.put(List.of(question, teacherBlock.get(), studentBlock.get()), judgement);
        }
      }
    }
    Judgement[] failed = {null};
    ReferenceScore score =
        ReferenceScore.of(
            studentOutput,
            teacherOutput,
            (question, teacherBlock, studentBlock) -> {
              Judgement judgement = byBlocks.get(List.of(question, teacherBlock, studentBlock));
              double yes = judgement.of(aspect(question));
              if (Double.isNaN(yes)) {
                failed[0] = judgement;
              }
              return yes >= 0.5 ? "yes" : "no";
            });
    List<Step> studentSteps = steps(student);
    if (failed[0] != null) {
      return StructureAssessment.unscorable(
          StructureComparison.judgeFailed(failed[0], ""), studentSteps);
    }
    List<StudentStep> assessed = new ArrayList<>();
    for (int i = 0; i < studentSteps.size(); i++) {
      assessed.add(
          i < pairs.size()
              ? new StudentStep(
                  studentSteps.get(i), i, judgements.get(pairs.get(i)), score.stepRewards().get(i))
              : StudentStep.unpaired(studentSteps.get(i)));
    }
    return new StructureAssessment(score.reward(), null, assessed, steps(teacher));
  }

  private static List<Step> steps(ReferenceSections sections) {
    List<Step> steps = new ArrayList<>();
    for (int i = 0; i < sections.subThinks().size(); i++) {
      steps.add(step(sections, i));
    }
    return steps;
  }

  /** The blocks of a position in the three lists, without markers; empty where one is missing. */
  private static Step step(ReferenceSections sections, int i) {
    return new Step(
        text(sections, ReferenceJudge.Question.THINK, i),
        text(sections, ReferenceJudge.Question.QUERY, i),
        text(sections, ReferenceJudge.Question.ANSWER, i));
  }

  private static String text(ReferenceSections sections, ReferenceJudge.Question kind, int i) {
    return block(sections, kind, i).map(block -> block.replaceFirst(MARKER, "")).orElse("");
  }

  private static Optional<String> block(
      ReferenceSections sections, ReferenceJudge.Question kind, int i) {
    List<String> blocks =
        switch (kind) {
          case THINK -> sections.subThinks();
          case QUERY -> sections.queries();
          case ANSWER -> sections.answers();
        };
    return i < blocks.size() ? Optional.of(blocks.get(i)) : Optional.empty();
  }

  private static Aspect aspect(ReferenceJudge.Question question) {
    return switch (question) {
      case THINK -> Aspect.META_REASONING;
      case QUERY -> Aspect.QUERY;
      case ANSWER -> Aspect.ANSWER;
    };
  }
}
