package org.rlkd.core.math;

import java.math.BigDecimal;
import java.math.BigInteger;

/** An exact fraction in lowest terms with a positive denominator. */
record Rational(BigInteger numerator, BigInteger denominator) implements Comparable<Rational> {
  static final Rational ZERO = of(0);
  static final Rational ONE = of(1);

  /** Larger results are refused: bounds time and memory on hostile input such as 9^9^9. */
  static final int MAX_BITS = 20_000;

  Rational {
    if (denominator.signum() == 0) {
      throw new ArithmeticException("division by zero");
    }
    if (numerator.bitLength() > MAX_BITS || denominator.bitLength() > MAX_BITS) {
      throw new ArithmeticException("number of more than " + MAX_BITS + " bits");
    }
    BigInteger divisor = numerator.gcd(denominator);
    if (denominator.signum() < 0) {
      divisor = divisor.negate();
    }
    if (!divisor.equals(BigInteger.ONE)) {
      numerator = numerator.divide(divisor);
      denominator = denominator.divide(divisor);
    }
  }

  static Rational of(long value) {
    return new Rational(BigInteger.valueOf(value), BigInteger.ONE);
  }

  static Rational of(BigDecimal value) {
    return value.scale() >= 0
        ? new Rational(value.unscaledValue(), BigInteger.TEN.pow(value.scale()))
        : new Rational(value.toBigIntegerExact(), BigInteger.ONE);
  }

  Rational plus(Rational other) {
    return new Rational(
        numerator.multiply(other.denominator).add(other.numerator.multiply(denominator)),
        denominator.multiply(other.denominator));
  }

  Rational times(Rational other) {
    return new Rational(
        numerator.multiply(other.numerator), denominator.multiply(other.denominator));
  }

  Rational dividedBy(Rational other) {
    return new Rational(
        numerator.multiply(other.denominator), denominator.multiply(other.numerator));
  }

  Rational negated() {
    return new Rational(numerator.negate(), denominator);
  }

  Rational power(int exponent) {
    long bits = Math.max(numerator.bitLength(), denominator.bitLength());
    if (bits * Math.abs((long) exponent) > MAX_BITS) {
      throw new ArithmeticException("power of more than " + MAX_BITS + " bits");
    }
    return exponent >= 0
        ? new Rational(numerator.pow(exponent), denominator.pow(exponent))
        : new Rational(denominator.pow(-exponent), numerator.pow(-exponent));
  }

  boolean isInteger() {
    return denominator.equals(BigInteger.ONE);
  }

  BigInteger floor() {
    BigInteger[] parts = numerator.divideAndRemainder(denominator);
    return parts[1].signum() < 0 ? parts[0].subtract(BigInteger.ONE) : parts[0];
  }

  double toDouble() {
    int excess = Math.max(numerator.bitLength(), denominator.bitLength()) - 1000;
    return excess <= 0
        ? numerator.doubleValue() / denominator.doubleValue()
        : new BigDecimal(numerator)
            .divide(new BigDecimal(denominator), java.math.MathContext.DECIMAL64)
            .doubleValue();
  }

  @Override
  public int compareTo(Rational other) {
    return numerator.multiply(other.denominator).compareTo(other.numerator.multiply(denominator));
  }
}
