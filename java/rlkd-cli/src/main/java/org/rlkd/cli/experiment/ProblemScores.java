package org.rlkd.cli.experiment;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.rlkd.engine.evaluation.EvaluatedCompletion;
import org.rlkd.engine.evaluation.EvaluationResult;

/**
 * A model on one set of problems, problem by problem.
 *
 * @param samples completions of each problem (k)
 * @param correct [problems] how many of them give the right answer
 * @param structure [problems] mean structure score of the scorable ones, against the problem's best
 *     teacher path and as a share of its steps; null = none is scorable
 * @param format share of all completions in the asked form
 * @param meanLength mean tokens of a completion
 */
record ProblemScores(
    int samples,
    int[] correct,
    Double[] structure,
    double format,
    @JsonProperty("mean_length") double meanLength) {

  static ProblemScores of(EvaluationResult result) {
    int samples = result.samplesPerProblem();
    int[] correct = new int[result.problems()];
    Double[] structure = new Double[result.problems()];
    for (int p = 0; p < correct.length; p++) {
      List<EvaluatedCompletion> own = result.completions().subList(p * samples, (p + 1) * samples);
      correct[p] = (int) own.stream().filter(c -> c.scores().get("accuracy") > 0.5).count();
      OptionalDouble mean =
          own.stream()
              .mapToDouble(c -> c.scores().get("structure"))
              .filter(score -> !Double.isNaN(score))
              .average();
      structure[p] = mean.isPresent() ? mean.getAsDouble() : null;
    }
    return new ProblemScores(
        samples, correct, structure, result.mean("format").orElseThrow(), result.meanLength());
  }

  /** [problems] avg@k: the share of a problem's samples that are right. */
  double[] average() {
    return Arrays.stream(correct).mapToDouble(c -> c / (double) samples).toArray();
  }

  /** [problems] pass@k: 1 where at least one sample is right. */
  double[] pass() {
    return Arrays.stream(correct).mapToDouble(c -> c > 0 ? 1 : 0).toArray();
  }

  /** [problems] NaN = none scorable. */
  double[] structures() {
    return Arrays.stream(structure).mapToDouble(s -> s == null ? Double.NaN : s).toArray();
  }
}
