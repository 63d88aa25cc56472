package org.rlkd.core.math;

/** When two computed numbers count as the same. */
final class Closeness {
  /**
   * Relative difference that rounding explains: a few thousand units in the last place of a double,
   * since probing multiplies errors of each operation; a value typed to nine digits is not the
   * exact one.
   */
  static final double RELATIVE = 1e-9;

  /** Absolute difference that rounding explains, for values that cancel to about 0. */
  static final double ABSOLUTE = 1e-12;

  private Closeness() {}

  static boolean equal(double one, double other) {
    return one == other
        || Math.abs(one - other) <= ABSOLUTE + RELATIVE * Math.max(Math.abs(one), Math.abs(other))
            && Double.isFinite(one)
            && Double.isFinite(other);
  }

  static boolean equal(Complex one, Complex other) {
    double size = Math.max(one.abs(), other.abs());
    return one.minus(other).abs() <= ABSOLUTE + RELATIVE * size;
  }
}
