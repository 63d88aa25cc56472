package org.rlkd.engine.evaluation;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Percentile bootstrap (Efron 1979) of the mean of a score over seeds and problems: seeds are drawn
 * with replacement, and problems with replacement.
 *
 * <p>Values are [seeds, problems]; a NaN (a problem without a score) is left out of the means.
 */
public final class Bootstrap {
  /** Resamples of an interval: its ends are steady to about a hundredth of its width. */
  public static final int RESAMPLES = 2000;

  private static final double LEVEL = 0.95;

  private Bootstrap() {}

  /**
   * A mean and its 95 % interval.
   *
   * @param mean of the means of all seeds; NaN if nothing has a score
   */
  public record Interval(double mean, double low, double high) {}

  /** Every seed has problems of its own: problems are drawn anew for each seed drawn. */
  public static Interval nested(double[][] values, long seed) {
    return interval(values, seed, false);
  }

  /**
   * Every seed answers the same problems, which stand in the same columns: one draw of problems
   * holds for all seeds drawn.
   */
  public static Interval crossed(double[][] values, long seed) {
    for (double[] row : values) {
      if (row.length != values[0].length) {
        throw new IllegalArgumentException(
            "%d and %d problems under different seeds; expected the same"
                .formatted(values[0].length, row.length));
      }
    }
    return interval(values, seed, true);
  }

  private static Interval interval(double[][] values, long seed, boolean crossed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] means = new double[RESAMPLES];
    for (int r = 0; r < RESAMPLES; r++) {
      int[] columns = crossed ? draw(values[0].length, random) : null;
      Mean mean = new Mean();
      for (int s = 0; s < values.length; s++) {
        double[] row = values[random.nextInt(values.length)];
        mean.add(mean(row, crossed ? columns : draw(row.length, random)));
      }
      means[r] = mean.value();
    }
    double[] sorted = Arrays.stream(means).filter(m -> !Double.isNaN(m)).sorted().toArray();
    Mean mean = new Mean();
    for (double[] row : values) {
      mean.add(Arrays.stream(row).filter(v -> !Double.isNaN(v)).average().orElse(Double.NaN));
    }
    return new Interval(
        mean.value(), quantile(sorted, (1 - LEVEL) / 2), quantile(sorted, (1 + LEVEL) / 2));
  }

  private static int[] draw(int count, SplittableRandom random) {
    int[] indices = new int[count];
    for (int i = 0; i < count; i++) {
      indices[i] = random.nextInt(count);
    }
    return indices;
  }

  private static double mean(double[] row, int[] indices) {
    Mean mean = new Mean();
    for (int index : indices) {
      mean.add(row[index]);
    }
    return mean.value();
  }

  /** Linear between order statistics, as NumPy's default. */
  private static double quantile(double[] sorted, double share) {
    if (sorted.length == 0) {
      return Double.NaN;
    }
    double place = share * (sorted.length - 1);
    int below = (int) place;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  /** A mean that passes over NaN. */
  private static final class Mean {
    private double sum;
    private int count;

    void add(double value) {
      if (!Double.isNaN(value)) {
        sum += value;
        count++;
      }
    }

    double value() {
      return count == 0 ? Double.NaN : sum / count;
    }
  }
}
