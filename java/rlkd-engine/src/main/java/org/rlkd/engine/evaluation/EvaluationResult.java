package org.rlkd.engine.evaluation;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * Every completion of an evaluation, with the usual summaries.
 *
 * @param samplesPerProblem k completions of each problem
 * @param completions problem by problem, sample by sample
 */
public record EvaluationResult(int samplesPerProblem, List<EvaluatedCompletion> completions) {

  public EvaluationResult {
    completions = List.copyOf(completions);
  }

  /**
   * Mean score of a reward over all scorable completions; for {@code accuracy} this is avg@k. Empty
   * if none is scorable.
   */
  public OptionalDouble mean(String reward) {
    return completions.stream()
        .mapToDouble(completion -> completion.scores().get(reward))
        .filter(score -> !Double.isNaN(score))
        .average();
  }

  /**
   * Mean score of a reward for each problem, [problems]; NaN where none of its completions is
   * scorable.
   */
  public double[] means(String reward) {
    double[] means = new double[problems()];
    for (int p = 0; p < means.length; p++) {
      int first = p * samplesPerProblem;
      means[p] =
          completions.subList(first, first + samplesPerProblem).stream()
              .mapToDouble(completion -> completion.scores().get(reward))
              .filter(score -> !Double.isNaN(score))
              .average()
              .orElse(Double.NaN);
    }
    return means;
  }

  /** Number of completions that a reward could not score. */
  public long unscorable(String reward) {
    return completions.stream().filter(c -> Double.isNaN(c.scores().get(reward))).count();
  }

  /**
   * pass@k by the unbiased estimator of Chen et al. (arXiv 2107.03374): the mean over problems of 1
   * - C(n - c, k) / C(n, k), n samples of which c score above one half.
   *
   * @param k from 1 to {@code samplesPerProblem}
   */
  public double passAt(int k, String reward) {
    return Arrays.stream(passes(k, reward)).average().orElseThrow();
  }

  /** The same for each problem, [problems]. */
  public double[] passes(int k, String reward) {
    if (k < 1 || k > samplesPerProblem) {
      throw new IllegalArgumentException(
          "pass@%d of %d samples a problem".formatted(k, samplesPerProblem));
    }
    return IntStream.range(0, problems())
        .mapToDouble(problem -> 1 - missed(samplesPerProblem, correct(problem, reward), k))
        .toArray();
  }

  private int correct(int problem, String reward) {
    int first = problem * samplesPerProblem;
    return (int)
        completions.subList(first, first + samplesPerProblem).stream()
            .filter(completion -> completion.scores().get(reward) > 0.5)
            .count();
  }

  /** C(n - c, k) / C(n, k) as a product, which neither overflows nor cancels. */
  private static double missed(int n, int c, int k) {
    double product = 1;
    for (int i = 0; i < k; i++) {
      product *= Math.max(0, n - c - i) / (double) (n - i);
    }
    return product;
  }

  /** Mean number of tokens of a completion. */
  public double meanLength() {
    return completions.stream().mapToInt(EvaluatedCompletion::tokens).average().orElseThrow();
  }

  /** Share of the completions that were cut off. */
  public double truncatedShare() {
    return completions.stream().filter(c -> c.finishReason().isTruncated()).count()
        / (double) completions.size();
  }

  /** Number of problems. */
  public int problems() {
    return completions.size() / samplesPerProblem;
  }
}
