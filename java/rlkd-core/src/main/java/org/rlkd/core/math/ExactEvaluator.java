package org.rlkd.core.math;

import java.math.BigInteger;
import java.util.Optional;

/**
 * The value of an expression as an exact fraction, where it has one that rational arithmetic finds.
 */
final class ExactEvaluator {
  /** Largest n of n! and of binomials. */
  private static final int MAX_FACTORIAL = 500;

  private ExactEvaluator() {}

  /**
   * Returns the value, or nothing if it is irrational, undefined, too large or has free variables.
   */
  static Optional<Rational> evaluate(Expression expression) {
    try {
      return Optional.ofNullable(value(expression));
    } catch (ArithmeticException e) {
      return Optional.empty();
    }
  }

  private static Rational value(Expression expression) {
    if (expression instanceof Expression.Number number) {
      return number.value();
    }
    if (expression instanceof Expression.Negation negation) {
      Rational value = value(negation.operand());
      return value == null ? null : value.negated();
    }
    if (expression instanceof Expression.Sum sum) {
      return both(sum.left(), sum.right(), Rational::plus);
    }
    if (expression instanceof Expression.Product product) {
      return both(product.left(), product.right(), Rational::times);
    }
    if (expression instanceof Expression.Quotient quotient) {
      return both(quotient.numerator(), quotient.denominator(), Rational::dividedBy);
    }
    if (expression instanceof Expression.Power power) {
      return both(
          power.base(),
          power.exponent(),
          (base, exponent) ->
              exponent.isInteger() ? base.power(exponent.numerator().intValueExact()) : null);
    }
    if (expression instanceof Expression.Call call) {
      return call(call);
    }
    return null;
  }

  private static Rational call(Expression.Call call) {
    Rational first = value(call.arguments().get(0));
    if (first == null) {
      return null;
    }
    return switch (call.function()) {
      case ABS -> first.compareTo(Rational.ZERO) < 0 ? first.negated() : first;
      case FLOOR -> new Rational(first.floor(), BigInteger.ONE);
      case CEIL -> new Rational(first.negated().floor().negate(), BigInteger.ONE);
      case FACTORIAL -> factorial(first);
      case BINOMIAL -> binomial(first, value(call.arguments().get(1)));
      default -> null;
    };
  }

  private static Rational factorial(Rational n) {
    int limit = count(n);
    BigInteger product = BigInteger.ONE;
    for (int i = 2; i <= limit; i++) {
      product = product.multiply(BigInteger.valueOf(i));
    }
    return new Rational(product, BigInteger.ONE);
  }

  private static Rational binomial(Rational n, Rational k) {
    if (k == null) {
      return null;
    }
    int chosen = count(k);
    int from = count(n);
    Rational product = Rational.ONE;
    for (int i = 1; i <= chosen; i++) {
      product = product.times(Rational.of(from - chosen + i)).dividedBy(Rational.of(i));
    }
    return product;
  }

  private static int count(Rational n) {
    if (!n.isInteger()
        || n.compareTo(Rational.ZERO) < 0
        || n.compareTo(Rational.of(MAX_FACTORIAL)) > 0) {
      throw new ArithmeticException("not a count up to " + MAX_FACTORIAL);
    }
    return n.numerator().intValueExact();
  }

  private interface Operation {
    Rational apply(Rational left, Rational right);
  }

  private static Rational both(Expression left, Expression right, Operation operation) {
    Rational leftValue = value(left);
    Rational rightValue = leftValue == null ? null : value(right);
    return rightValue == null ? null : operation.apply(leftValue, rightValue);
  }
}
