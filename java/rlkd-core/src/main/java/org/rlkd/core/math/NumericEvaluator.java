package org.rlkd.core.math;

import java.util.List;
import java.util.Map;

/**
 * The value of an expression at a point, in complex double precision.
 *
 * @param point values of the variables
 * @param decimalLog whether a log without base is to base 10
 */
record NumericEvaluator(Map<String, Double> point, boolean decimalLog) {

  /**
   * Returns the value; not finite where the expression is undefined or has a variable that the
   * point lacks.
   */
  Complex evaluate(Expression expression) {
    if (expression instanceof Expression.Number number) {
      return Complex.of(number.value().toDouble());
    }
    if (expression instanceof Expression.Constant constant) {
      return switch (constant) {
        case PI -> Complex.of(Math.PI);
        case E -> Complex.of(Math.E);
        case I -> Complex.I;
        case INFINITY -> Complex.of(Double.POSITIVE_INFINITY);
      };
    }
    if (expression instanceof Expression.Variable variable) {
      Double value = point.get(variable.name());
      return value == null ? Complex.UNDEFINED : Complex.of(value);
    }
    if (expression instanceof Expression.Sum sum) {
      return evaluate(sum.left()).plus(evaluate(sum.right()));
    }
    if (expression instanceof Expression.Product product) {
      return evaluate(product.left()).times(evaluate(product.right()));
    }
    if (expression instanceof Expression.Quotient quotient) {
      return evaluate(quotient.numerator()).dividedBy(evaluate(quotient.denominator()));
    }
    if (expression instanceof Expression.Power power) {
      return evaluate(power.base()).power(evaluate(power.exponent()));
    }
    if (expression instanceof Expression.Negation negation) {
      return evaluate(negation.operand()).negated();
    }
    if (expression instanceof Expression.Call call) {
      return call(call.function(), call.arguments());
    }
    return Complex.UNDEFINED; // PlusMinus: expanded before evaluation
  }

  private Complex call(Expression.Function function, List<Expression> arguments) {
    Complex x = evaluate(arguments.get(arguments.size() - 1));
    Complex first = evaluate(arguments.get(0));
    return switch (function) {
      case SIN -> x.sin();
      case COS -> x.cos();
      case TAN -> x.sin().dividedBy(x.cos());
      case COT -> x.cos().dividedBy(x.sin());
      case SEC -> Complex.of(1).dividedBy(x.cos());
      case CSC -> Complex.of(1).dividedBy(x.sin());
      case ARCSIN -> real(x, Math.asin(x.re()));
      case ARCCOS -> real(x, Math.acos(x.re()));
      case ARCTAN -> real(x, Math.atan(x.re()));
      case SINH -> real(x, Math.sinh(x.re()));
      case COSH -> real(x, Math.cosh(x.re()));
      case TANH -> real(x, Math.tanh(x.re()));
      case EXP -> x.exp();
      case LN -> x.log();
      case LOG -> decimalLog ? x.log().dividedBy(Complex.of(Math.log(10))) : x.log();
      case LOG_BASE -> x.log().dividedBy(first.log());
      case ROOT -> root(first, x);
      case ABS -> Complex.of(x.abs());
      case FLOOR -> real(x, Math.floor(x.re()));
      case CEIL -> real(x, Math.ceil(x.re()));
      case FACTORIAL -> real(x, gamma(x.re() + 1));
      case BINOMIAL ->
          real(first, gamma(first.re() + 1) / (gamma(x.re() + 1) * gamma(first.re() - x.re() + 1)));
    };
  }

  private static Complex real(Complex argument, double value) {
    return argument.isReal() ? Complex.of(value) : Complex.UNDEFINED;
  }

  private static Complex root(Complex index, Complex x) {
    return x.power(Complex.of(1).dividedBy(index));
  }

  private static final double[] LANCZOS = {
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7
  };

  /** Lanczos' approximation with g = 7 and n = 9, about 15 digits. */
  private static double gamma(double x) {
    if (x < 0.5) {
      return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
    }
    double sum = 0.99999999999980993;
    for (int i = 0; i < LANCZOS.length; i++) {
      sum += LANCZOS[i] / (x + i);
    }
    double t = x + LANCZOS.length - 1.5;
    return Math.sqrt(2 * Math.PI) * Math.pow(t, x - 0.5) * Math.exp(-t) * sum;
  }
}
