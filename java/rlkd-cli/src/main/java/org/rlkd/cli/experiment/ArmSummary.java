package org.rlkd.cli.experiment;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.rlkd.engine.evaluation.Bootstrap;
import org.rlkd.engine.evaluation.Bootstrap.Interval;

/**
 * An arm over its seeds, with 95 % intervals by bootstrap over seeds and problems.
 *
 * @param heldOut problems like those trained on
 * @param longer problems of more steps
 * @param training CPU seconds of its own training, mean over seeds
 * @param total the same with the trainings that it builds on (for the under-trained base without
 *     the easy lesson), the decomposer's included where its reward uses it
 */
record ArmSummary(
    String arm,
    String title,
    List<Long> seeds,
    @JsonProperty("held_out") Scores heldOut,
    Scores longer,
    @JsonProperty("training_cpu_seconds") double training,
    @JsonProperty("total_cpu_seconds") double total) {

  /**
   * Scores on one set of problems.
   *
   * @param overGrpo avg@k less that of the SFT + GRPO arm (of the clean SFT + GRPO arm for arms
   *     that start from clean SFT, of GRPO-Zero for those that start from the base), problem by
   *     problem under the same seeds; null for that arm itself and where it is missing
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Scores(
      Interval average,
      Interval pass,
      Interval structure,
      double format,
      @JsonProperty("mean_length") double meanLength,
      @JsonProperty("average_over_grpo") Interval overGrpo) {}

  /**
   * Summarises an arm.
   *
   * @param results of the arm, a seed each
   * @param grpo of the GRPO arm with the same start, by seed
   * @param costs of what the arms share, by seed
   */
  static ArmSummary of(
      Arm arm,
      List<ArmResult> results,
      Map<Long, ArmResult> grpo,
      Map<Long, SeedRun.StartCosts> costs) {
    return new ArmSummary(
        arm.key(),
        arm.title(),
        results.stream().map(ArmResult::seed).toList(),
        scores(results, grpo, ArmResult::heldOut),
        scores(results, grpo, ArmResult::longer),
        mean(results, result -> result.training().cpuSeconds()),
        mean(results, result -> total(arm, result, costs.get(result.seed()))));
  }

  private static double total(Arm arm, ArmResult result, SeedRun.StartCosts costs) {
    Cost cost =
        switch (arm.start()) {
          case COLD -> costs.coldStart();
          case BASE -> costs.underTrained();
          case CLEAN -> costs.coldStart().plus(costs.sftClean());
        };
    if (arm.structure() != null) {
      cost = cost.plus(costs.decomposer());
    }
    return cost.plus(result.training()).cpuSeconds();
  }

  private static double mean(List<ArmResult> results, ToDoubleFunction<ArmResult> value) {
    return results.stream().mapToDouble(value).average().orElseThrow();
  }

  private static Scores scores(
      List<ArmResult> results,
      Map<Long, ArmResult> grpo,
      Function<ArmResult, ProblemScores> problems) {
    List<ProblemScores> scores = results.stream().map(problems).toList();
    boolean comparable =
        results.stream()
            .allMatch(
                result ->
                    grpo.containsKey(result.seed())
                        && !grpo.get(result.seed()).arm().equals(result.arm()));
    return new Scores(
        interval(scores.stream().map(ProblemScores::average)),
        interval(scores.stream().map(ProblemScores::pass)),
        interval(scores.stream().map(ProblemScores::structures)),
        scores.stream().mapToDouble(ProblemScores::format).average().orElseThrow(),
        scores.stream().mapToDouble(ProblemScores::meanLength).average().orElseThrow(),
        comparable
            ? interval(
                results.stream()
                    .map(
                        result ->
                            difference(
                                problems.apply(result).average(),
                                problems.apply(grpo.get(result.seed())).average())))
            : null);
  }

  private static double[] difference(double[] one, double[] other) {
    double[] difference = new double[one.length];
    for (int i = 0; i < one.length; i++) {
      difference[i] = one[i] - other[i];
    }
    return difference;
  }

  private static Interval interval(Stream<double[]> values) {
    return Bootstrap.nested(values.toArray(double[][]::new), 0);
  }
}
