package org.rlkd.engine.selftest;

import java.util.Map;

/**
 * What came out of a check.
 *
 * @param name of the check
 * @param largestDifference from the reference over all outputs; NaN where there is no number: a NaN
 *     in an output, a missing output or a call that failed
 * @param failure the first thing that is wrong; null if the check passed
 */
public record CheckResult(
    String name, double largestDifference, Tolerance tolerance, String failure) {

  /** Whether every output is within the tolerance. */
  public boolean passed() {
    return failure == null;
  }

  /** Compares the outputs of a backend with the reference's. */
  static CheckResult compare(
      String name,
      Tolerance tolerance,
      Map<String, double[]> actual,
      Map<String, double[]> expected) {
    if (!actual.keySet().equals(expected.keySet())) {
      return failed(
          name, tolerance, "outputs %s, expected %s".formatted(actual.keySet(), expected.keySet()));
    }
    double largest = 0;
    String failure = null;
    for (Map.Entry<String, double[]> output : expected.entrySet()) {
      double[] wanted = output.getValue();
      double[] found = actual.get(output.getKey());
      if (found.length != wanted.length) {
        return failed(
            name,
            tolerance,
            "%s has %d values, expected %d"
                .formatted(output.getKey(), found.length, wanted.length));
      }
      for (int i = 0; i < wanted.length; i++) {
        largest = Math.max(largest, Math.abs(found[i] - wanted[i])); // once NaN it stays NaN
        if (failure == null && !tolerance.allows(found[i], wanted[i])) {
          failure = "%s[%d] is %s, expected %s".formatted(output.getKey(), i, found[i], wanted[i]);
        }
      }
    }
    return new CheckResult(name, largest, tolerance, failure);
  }

  /** A check that gave no outputs. */
  static CheckResult failed(String name, Tolerance tolerance, String failure) {
    return new CheckResult(name, Double.NaN, tolerance, failure);
  }
}
