package org.rlkd.cli.quickstart;

import java.util.List;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.Step;

/** How often a decomposer finds exactly the steps that a path was written from. */
final class DecomposerAccuracy {
  private DecomposerAccuracy() {}

  /**
   * The share of the paths' steps that the decomposer gives back word for word in their place; a
   * path with another number of steps counts those that match.
   */
  static double of(Decomposer decomposer, List<TeacherPath> paths) {
    List<Decomposition> found =
        decomposer.decompose(
            paths.stream().map(path -> new Reasoning("", path.reasoning())).toList());
    int steps = 0;
    int exact = 0;
    for (int p = 0; p < paths.size(); p++) {
      List<Step> decomposed =
          found.get(p) instanceof Decomposition.Parsed parsed
              ? parsed.structure().steps()
              : List.of();
      List<TeacherStep> written = paths.get(p).steps();
      steps += written.size();
      for (int i = 0; i < Math.min(written.size(), decomposed.size()); i++) {
        TeacherStep step = written.get(i);
        Step truth = new Step(step.metaReasoning(), step.query(), step.answer());
        exact += decomposed.get(i).equals(truth) ? 1 : 0;
      }
    }
    return exact / (double) steps;
  }
}
