package org.rlkd.engine.evaluation;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.rlkd.engine.evaluation.Bootstrap.Interval;

/**
 * What several seeds of an evaluation say together: means over seeds and problems with bootstrap
 * intervals, in which the seeds share the problems.
 *
 * @param results one for each seed, of the same problems
 */
public record EvaluationSummary(List<EvaluationResult> results) {
  private static final String ACCURACY = "accuracy";

  /** The bootstrap's own seed: the same completions give the same intervals. */
  private static final long BOOTSTRAP_SEED = 0;

  public EvaluationSummary {
    results = List.copyOf(results);
  }

  /** Problems that have a label in common, such as the subject. */
  public record Group(String label, int problems, Interval accuracy, Interval passAtK) {}

  /** Names of the rewards. */
  public Set<String> rewards() {
    return new LinkedHashSet<>(results.get(0).completions().get(0).scores().keySet());
  }

  /** k, the samples of a problem under a seed. */
  public int samplesPerProblem() {
    return results.get(0).samplesPerProblem();
  }

  /** Mean of a reward; for {@code accuracy} this is avg@k. */
  public Interval mean(String reward) {
    return interval(result -> result.means(reward), everything());
  }

  /** pass@n by the unbiased estimator of {@link EvaluationResult#passAt}. */
  public Interval passAt(int n) {
    return interval(result -> result.passes(n, ACCURACY), everything());
  }

  /**
   * Accuracy by label, in the order of the labels.
   *
   * @param labels by problem; null = in no group
   */
  public List<Group> groups(List<String> labels) {
    List<Group> groups = new ArrayList<>();
    labels.stream()
        .filter(label -> label != null)
        .distinct()
        .sorted()
        .forEach(
            label -> {
              int[] own =
                  IntStream.range(0, labels.size())
                      .filter(p -> label.equals(labels.get(p)))
                      .toArray();
              groups.add(
                  new Group(
                      label,
                      own.length,
                      interval(result -> result.means(ACCURACY), own),
                      interval(result -> result.passes(samplesPerProblem(), ACCURACY), own)));
            });
    return groups;
  }

  /** Completions of all seeds that a reward could not score. */
  public long unscorable(String reward) {
    return results.stream().mapToLong(result -> result.unscorable(reward)).sum();
  }

  /** Mean tokens of a completion. */
  public double meanLength() {
    return results.stream().mapToDouble(EvaluationResult::meanLength).average().orElseThrow();
  }

  /** Share of the completions that were cut off. */
  public double truncatedShare() {
    return results.stream().mapToDouble(EvaluationResult::truncatedShare).average().orElseThrow();
  }

  /** Number of problems. */
  public int problems() {
    return results.get(0).problems();
  }

  private int[] everything() {
    return IntStream.range(0, problems()).toArray();
  }

  private Interval interval(Function<EvaluationResult, double[]> scores, int[] problems) {
    double[][] values = new double[results.size()][];
    for (int s = 0; s < values.length; s++) {
      double[] all = scores.apply(results.get(s));
      values[s] = IntStream.of(problems).mapToDouble(p -> all[p]).toArray();
    }
    return Bootstrap.crossed(values, BOOTSTRAP_SEED);
  }
}
