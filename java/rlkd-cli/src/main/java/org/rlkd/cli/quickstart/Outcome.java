package org.rlkd.cli.quickstart;

import com.fasterxml.jackson.annotation.JsonProperty;
import org.rlkd.engine.evaluation.EvaluationResult;

/**
 * A model on the held-out problems; all values are means over samples, as fractions of 1.
 *
 * @param accuracy avg@k of the answer
 * @param structure structure score against the teacher tree, over the scorable completions
 * @param format share of completions in the asked form
 * @param passAtK share of problems that at least one of the k samples solves
 */
record Outcome(
    double accuracy, double structure, double format, @JsonProperty("pass_at_k") double passAtK) {

  static Outcome of(EvaluationResult result) {
    return new Outcome(
        result.mean("accuracy").orElse(Double.NaN),
        result.mean("structure").orElse(Double.NaN),
        result.mean("format").orElse(Double.NaN),
        result.passAt(result.samplesPerProblem(), "accuracy"));
  }
}
