package org.rlkd.cli.quickstart;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.OptionalDouble;
import org.rlkd.engine.evaluation.EvaluationResult;

/**
 * A model on the held-out problems; all values are means over samples, as fractions of 1.
 *
 * @param accuracy avg@k of the answer
 * @param structure structure score against the teacher tree, over the scorable completions; null if
 *     none is
 * @param format share of completions in the asked form
 * @param passAtK share of problems that at least one of the k samples solves
 */
record Outcome(
    double accuracy, Double structure, double format, @JsonProperty("pass_at_k") double passAtK) {

  static Outcome of(EvaluationResult result) {
    OptionalDouble structure = result.mean("structure");
    return new Outcome(
        result.mean("accuracy").orElseThrow(),
        structure.isPresent() ? structure.getAsDouble() : null,
        result.mean("format").orElseThrow(),
        result.passAt(result.samplesPerProblem(), "accuracy"));
  }
}
