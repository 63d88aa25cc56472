package org.rlkd.core.math;

import java.util.List;

/**
 * The two expressions that an expression with plus-minus signs stands for; all signs change
 * together.
 */
final class PlusMinusExpansion {
  private PlusMinusExpansion() {}

  /** Returns the expression alone if it has no such sign. */
  static List<Expression> of(Expression expression) {
    return contains(expression)
        ? List.of(choose(expression, true), choose(expression, false))
        : List.of(expression);
  }

  private static boolean contains(Expression expression) {
    return !choose(expression, true).equals(expression);
  }

  private static Expression choose(Expression expression, boolean upper) {
    if (expression instanceof Expression.PlusMinus plusMinus) {
      Expression left = choose(plusMinus.left(), upper);
      Expression right = choose(plusMinus.right(), upper);
      return new Expression.Sum(
          left, plusMinus.upperIsPlus() == upper ? right : new Expression.Negation(right));
    }
    if (expression instanceof Expression.Sum sum) {
      return new Expression.Sum(choose(sum.left(), upper), choose(sum.right(), upper));
    }
    if (expression instanceof Expression.Product product) {
      return new Expression.Product(choose(product.left(), upper), choose(product.right(), upper));
    }
    if (expression instanceof Expression.Quotient quotient) {
      return new Expression.Quotient(
          choose(quotient.numerator(), upper), choose(quotient.denominator(), upper));
    }
    if (expression instanceof Expression.Power power) {
      return new Expression.Power(choose(power.base(), upper), choose(power.exponent(), upper));
    }
    if (expression instanceof Expression.Negation negation) {
      return new Expression.Negation(choose(negation.operand(), upper));
    }
    if (expression instanceof Expression.Call call) {
      return new Expression.Call(
          call.function(),
          call.arguments().stream().map(argument -> choose(argument, upper)).toList());
    }
    return expression;
  }
}
