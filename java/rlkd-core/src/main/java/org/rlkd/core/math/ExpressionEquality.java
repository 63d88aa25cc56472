package org.rlkd.core.math;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeSet;

/**
 * Whether two expressions are the same function of their variables: exactly where both are rational
 * numbers, else by their values at fixed pseudo-random points, positive ones first, where both are
 * defined.
 */
final class ExpressionEquality {
  private static final int POINTS = 12;

  /** Fewer points at which both are defined decide nothing. */
  private static final int ENOUGH_POINTS = 4;

  private static final long SEED = 2505_16142L;

  private ExpressionEquality() {}

  static boolean equal(Expression one, Expression other) {
    if (one.equals(other)) {
      return true;
    }
    Optional<Rational> exactOne = ExactEvaluator.evaluate(one);
    Optional<Rational> exactOther = ExactEvaluator.evaluate(other);
    if (exactOne.isPresent() && exactOther.isPresent()) {
      return exactOne.equals(exactOther);
    }
    return equal(one, other, false) || equal(one, other, true);
  }

  private static boolean equal(Expression one, Expression other, boolean decimalLog) {
    TreeSet<String> variables = variables(one, other);
    if (variables.isEmpty()) {
      NumericEvaluator evaluator = new NumericEvaluator(Map.of(), decimalLog);
      Complex oneValue = evaluator.evaluate(one);
      Complex otherValue = evaluator.evaluate(other);
      return oneValue.isFinite() && otherValue.isFinite()
          ? Closeness.equal(oneValue, otherValue)
          : oneValue.isReal()
              && otherValue.isReal()
              && oneValue.re() == otherValue.re(); // infinities
    }
    int defined = 0;
    for (Map<String, Double> point : points(variables)) {
      NumericEvaluator evaluator = new NumericEvaluator(point, decimalLog);
      Complex oneValue = evaluator.evaluate(one);
      Complex otherValue = evaluator.evaluate(other);
      if (oneValue.isFinite() != otherValue.isFinite()) {
        return false;
      }
      if (oneValue.isFinite()) {
        defined++;
        if (!Closeness.equal(oneValue, otherValue)) {
          return false;
        }
      }
    }
    return defined >= ENOUGH_POINTS;
  }

  /**
   * Whether one is the other times a number that is not 0 (a positive one if demanded), so that
   * both are 0 at the same places.
   */
  static boolean proportional(Expression one, Expression other, boolean positive) {
    TreeSet<String> variables = variables(one, other);
    if (variables.isEmpty()) {
      return false;
    }
    Complex ratio = null;
    int defined = 0;
    for (Map<String, Double> point : points(variables)) {
      NumericEvaluator evaluator = new NumericEvaluator(point, false);
      Complex here = evaluator.evaluate(one).dividedBy(evaluator.evaluate(other));
      if (!here.isFinite()) {
        continue;
      }
      defined++;
      if (ratio != null && !Closeness.equal(ratio, here)) {
        return false;
      }
      ratio = here;
    }
    return defined >= ENOUGH_POINTS && ratio.abs() > 0 && (!positive || ratio.re() > 0);
  }

  static TreeSet<String> variables(Expression... expressions) {
    TreeSet<String> names = new TreeSet<>();
    for (Expression expression : expressions) {
      collect(expression, names);
    }
    return names;
  }

  private static Iterable<Map<String, Double>> points(TreeSet<String> variables) {
    SplittableRandom random = new SplittableRandom(SEED);
    List<Map<String, Double>> points = new java.util.ArrayList<>();
    for (int i = 0; i < POINTS; i++) {
      Map<String, Double> point = new HashMap<>();
      for (String variable : variables) {
        point.put(
            variable, i < POINTS / 2 ? random.nextDouble(0.3, 2.7) : random.nextDouble(-2.7, 2.7));
      }
      points.add(point);
    }
    return points;
  }

  private static void collect(Expression expression, TreeSet<String> names) {
    if (expression instanceof Expression.Variable variable) {
      names.add(variable.name());
    } else if (expression instanceof Expression.Sum sum) {
      collect(sum.left(), names);
      collect(sum.right(), names);
    } else if (expression instanceof Expression.Product product) {
      collect(product.left(), names);
      collect(product.right(), names);
    } else if (expression instanceof Expression.Quotient quotient) {
      collect(quotient.numerator(), names);
      collect(quotient.denominator(), names);
    } else if (expression instanceof Expression.Power power) {
      collect(power.base(), names);
      collect(power.exponent(), names);
    } else if (expression instanceof Expression.Negation negation) {
      collect(negation.operand(), names);
    } else if (expression instanceof Expression.PlusMinus plusMinus) {
      collect(plusMinus.left(), names);
      collect(plusMinus.right(), names);
    } else if (expression instanceof Expression.Call call) {
      call.arguments().forEach(argument -> collect(argument, names));
    }
  }
}
