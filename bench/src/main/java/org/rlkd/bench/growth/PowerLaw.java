package org.rlkd.bench.growth;

import java.util.Arrays;
import org.rlkd.bench.LeastSquares;

/** Exponents of costs by sizes. */
final class PowerLaw {
  private PowerLaw() {}

  /** The slope of the least-squares line through (log size, log cost). */
  static double exponent(double[] sizes, double[] costs) {
    return LeastSquares.slope(
        Arrays.stream(sizes).map(Math::log).toArray(),
        Arrays.stream(costs).map(Math::log).toArray());
  }

  /** The slope between the two largest sizes, where fixed costs weigh least. */
  static double lastExponent(double[] sizes, double[] costs) {
    int from = sizes.length - 2;
    return exponent(
        Arrays.copyOfRange(sizes, from, sizes.length),
        Arrays.copyOfRange(costs, from, costs.length));
  }
}
