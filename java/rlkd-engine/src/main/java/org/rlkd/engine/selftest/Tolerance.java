package org.rlkd.engine.selftest;

/**
 * How far a backend may be from the reference: |actual - expected| at most absolute + relative *
 * |expected|.
 *
 * @param reason why no less can be asked
 */
public record Tolerance(double absolute, double relative, String reason) {
  /** Never true where either value is NaN or infinite. */
  boolean allows(double actual, double expected) {
    return Double.isFinite(expected)
        && Math.abs(actual - expected) <= absolute + relative * Math.abs(expected);
  }

  @Override
  public String toString() {
    return "%.0e + %.0e |x|".formatted(absolute, relative);
  }
}
