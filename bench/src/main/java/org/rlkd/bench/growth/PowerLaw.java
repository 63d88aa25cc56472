package org.rlkd.bench.growth;

import java.util.Arrays;

/** Exponents of costs by sizes. */
final class PowerLaw {
  private PowerLaw() {}

  /** The slope of the least-squares line through (log size, log cost). */
  static double exponent(double[] sizes, double[] costs) {
    double[] x = Arrays.stream(sizes).map(Math::log).toArray();
    double[] y = Arrays.stream(costs).map(Math::log).toArray();
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

  /** The slope between the two largest sizes, where fixed costs weigh least. */
  static double lastExponent(double[] sizes, double[] costs) {
    int from = sizes.length - 2;
    return exponent(
        Arrays.copyOfRange(sizes, from, sizes.length),
        Arrays.copyOfRange(costs, from, costs.length));
  }
}
