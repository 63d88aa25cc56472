package org.rlkd.core.math;

/** A complex number in double precision; NaN parts mean undefined. */
record Complex(double re, double im) {
  static final Complex UNDEFINED = new Complex(Double.NaN, Double.NaN);
  static final Complex I = new Complex(0, 1);

  static Complex of(double re) {
    return new Complex(re, 0);
  }

  boolean isFinite() {
    return Double.isFinite(re) && Double.isFinite(im);
  }

  boolean isReal() {
    return im == 0;
  }

  Complex plus(Complex other) {
    return new Complex(re + other.re, im + other.im);
  }

  Complex minus(Complex other) {
    return new Complex(re - other.re, im - other.im);
  }

  Complex negated() {
    return new Complex(-re, im == 0 ? 0 : -im);
  }

  Complex times(Complex other) {
    return isReal() && other.isReal()
        ? of(re * other.re)
        : new Complex(re * other.re - im * other.im, re * other.im + im * other.re);
  }

  Complex dividedBy(Complex other) {
    if (other.re == 0 && other.im == 0) {
      return UNDEFINED;
    }
    if (isReal() && other.isReal()) {
      return of(re / other.re);
    }
    double norm = other.re * other.re + other.im * other.im;
    return new Complex(
        (re * other.re + im * other.im) / norm, (im * other.re - re * other.im) / norm);
  }

  double abs() {
    return Math.hypot(re, im);
  }

  Complex exp() {
    double scale = Math.exp(re);
    return isReal() ? of(scale) : new Complex(scale * Math.cos(im), scale * Math.sin(im));
  }

  /** Principal branch. */
  Complex log() {
    double abs = abs();
    return abs == 0 ? UNDEFINED : new Complex(Math.log(abs), Math.atan2(im, re));
  }

  /** Principal branch, but an odd root of a negative real is real. */
  Complex power(Complex exponent) {
    if (re == 0 && im == 0) {
      return exponent.isReal() && exponent.re > 0
          ? of(0)
          : exponent.re == 0 && exponent.im == 0 ? of(1) : UNDEFINED;
    }
    if (isReal() && exponent.isReal()) {
      double result = Math.pow(re, exponent.re);
      if (!Double.isNaN(result)) {
        return of(result);
      }
      double root = Math.rint(1 / exponent.re);
      if (Math.abs(1 / exponent.re - root) < 1e-9 && Math.abs(root % 2) == 1) {
        return of(-Math.pow(-re, exponent.re));
      }
    }
    return log().times(exponent).exp();
  }

  Complex sin() {
    return isReal()
        ? of(Math.sin(re))
        : new Complex(Math.sin(re) * Math.cosh(im), Math.cos(re) * Math.sinh(im));
  }

  Complex cos() {
    return isReal()
        ? of(Math.cos(re))
        : new Complex(Math.cos(re) * Math.cosh(im), -Math.sin(re) * Math.sinh(im));
  }
}
