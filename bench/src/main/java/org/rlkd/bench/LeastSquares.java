package org.rlkd.bench;

import java.util.Arrays;

/** A line through points. */
public final class LeastSquares {
  private LeastSquares() {}

  /** The slope of the least-squares line; at least two different {@code x}. */
  public static double slope(double[] x, double[] y) {
    double meanX = Arrays.stream(x).average().orElseThrow();
    double meanY = Arrays.stream(y).average().orElseThrow();
    double covariance = 0;
    double variance = 0;
    for (int i = 0; i < x.length; i++) {
      covariance += (x[i] - meanX) * (y[i] - meanY);
      variance += (x[i] - meanX) * (x[i] - meanX);
    }
    return covariance / variance;
  }
}
