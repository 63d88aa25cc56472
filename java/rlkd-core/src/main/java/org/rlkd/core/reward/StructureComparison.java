package org.rlkd.core.reward;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;
import org.rlkd.core.gsrm.AlignmentPair;
import org.rlkd.core.gsrm.AlignmentScore;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.PathAlignment;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.StepPair;
import org.rlkd.core.gsrm.TeacherTree;
import org.rlkd.core.reward.StructureAssessment.StudentStep;

/**
 * One student path against one teacher tree: its judgements, and its assessment once the alignment
 * is scored.
 */
final class StructureComparison {
  /** Under prefix a student step is compared only with teacher steps of its own position. */
  private static final Judgement NOT_COMPARED = new Judgement(0, 0, 0);

  /** A teacher node's best judgement about a student step, and the wording to show for it. */
  private record Match(Judgement judgement, Step teacherStep) {}

  private final List<Step> studentSteps;
  private final TeacherTree tree;
  private final StructureRewardOptions options;
  private final Match[][] matches;

  StructureComparison(
      List<Step> studentSteps,
      TeacherTree tree,
      Map<StepPair, Judgement> judgements,
      StructureRewardOptions options) {
    this.studentSteps = studentSteps;
    this.tree = tree;
    this.options = options;
    int[] depth = new int[tree.nodes().size()];
    matches = new Match[studentSteps.size()][depth.length];
    for (int node = 0; node < depth.length; node++) {
      int parent = tree.nodes().get(node).parent();
      depth[node] = parent < 0 ? 0 : depth[parent] + 1;
      for (int i = 0; i < studentSteps.size(); i++) {
        List<Step> wordings = tree.nodes().get(node).steps();
        matches[i][node] =
            options.alignment().alignment() == Alignment.PREFIX && depth[node] != i
                ? new Match(NOT_COMPARED, wordings.get(0))
                : best(studentSteps.get(i), wordings, judgements, options.gate());
      }
    }
  }

  /**
   * A node agrees in each of the three as well as the best of its wordings does, so that a wording
   * more never costs; shown is the one that would earn most. One on which the judge failed beats
   * all: the failure must not be lost.
   */
  private static Match best(
      Step student, List<Step> wordings, Map<StepPair, Judgement> judgements, boolean gate) {
    Judgement best = null;
    double most = -1;
    Step shown = null;
    for (Step wording : wordings) {
      Judgement judged = judgements.get(new StepPair(student, wording));
      Judgement judgement =
          gate ? judged : new Judgement(1, judged.query(), judged.answer(), judged.failure());
      if (judgement.failed()) {
        return new Match(judgement, wording);
      }
      if (earnings(judgement) > most) {
        most = earnings(judgement);
        shown = wording;
      }
      best =
          best == null
              ? judgement
              : new Judgement(
                  Math.max(best.meta(), judgement.meta()),
                  Math.max(best.query(), judgement.query()),
                  Math.max(best.answer(), judgement.answer()));
    }
    return new Match(best, shown);
  }

  private String failure() {
    return Arrays.stream(matches)
        .flatMap(Arrays::stream)
        .map(match -> match.judgement)
        .filter(Judgement::failed)
        .findFirst()
        .map(judgement -> judgeFailed(judgement, ""))
        .orElse("judge failed");
  }

  /** The reason of an unscorable completion. */
  static String judgeFailed(Judgement judgement, String where) {
    return "judge failed" + where + (judgement.failure() == null ? "" : ": " + judgement.failure());
  }

  private static double earnings(Judgement judgement) {
    return judgement.meta() * judgement.stepWeight();
  }

  AlignmentPair pair() {
    int nodes = tree.nodes().size();
    float[] meta = new float[studentSteps.size() * nodes];
    float[] query = new float[meta.length];
    float[] answer = new float[meta.length];
    for (int i = 0; i < studentSteps.size(); i++) {
      for (int node = 0; node < nodes; node++) {
        Judgement judgement = matches[i][node].judgement;
        meta[i * nodes + node] = (float) judgement.meta();
        query[i * nodes + node] = (float) judgement.query();
        answer[i * nodes + node] = (float) judgement.answer();
      }
    }
    return new AlignmentPair(meta, query, answer, studentSteps.size(), tree.parents());
  }

  StructureAssessment assess(AlignmentScore score) {
    if (Double.isNaN(score.reward())) {
      return StructureAssessment.unscorable(failure(), studentSteps);
    }
    List<Integer> path = tree.pathTo(score.bestLeaf());
    List<List<Judgement>> judgements = new ArrayList<>();
    for (Match[] row : matches) {
      judgements.add(path.stream().map(node -> row[node].judgement).toList());
    }
    PathAlignment alignment = PathAlignment.of(judgements, path.size(), options.alignment());
    List<Step> teacherSteps = new ArrayList<>();
    path.forEach(node -> teacherSteps.add(tree.nodes().get(node).steps().get(0)));
    List<StudentStep> steps = new ArrayList<>();
    for (int i = 0; i < studentSteps.size(); i++) {
      int partner = alignment.partner()[i];
      if (partner < 0) {
        steps.add(StudentStep.unpaired(studentSteps.get(i)));
      } else {
        teacherSteps.set(partner, matches[i][path.get(partner)].teacherStep);
        steps.add(
            new StudentStep(
                studentSteps.get(i),
                partner,
                judgements.get(i).get(partner),
                alignment.stepReward()[i]));
      }
    }
    return new StructureAssessment(score.reward(), null, steps, teacherSteps);
  }
}
