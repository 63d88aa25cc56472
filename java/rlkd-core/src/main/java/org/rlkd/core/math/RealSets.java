package org.rlkd.core.math;

import java.util.List;
import java.util.Optional;
import org.rlkd.core.math.Answer.Relation.Operator;

/**
 * Reads answers as sets of real numbers: intervals, inequalities in one variable, finite sets and
 * what is made of them.
 */
final class RealSets {
  /** Unions of more sets are refused: each costs the square of the intervals before it. */
  private static final int MAX_ITEMS = 100;

  private RealSets() {}

  static Optional<RealSet> of(Answer answer) {
    if (answer instanceof Answer.Tuple tuple && tuple.items().size() == 2) {
      return real(tuple.items().get(0))
          .flatMap(
              low ->
                  real(tuple.items().get(1))
                      .map(high -> interval(low, tuple.open() == '[', high, tuple.close() == ']')));
    }
    if (answer instanceof Answer.FiniteSet set) {
      return union(set.items(), item -> real(item).map(RealSet::point));
    }
    if (answer instanceof Answer.Listing listing) {
      return union(listing.items(), RealSets::of);
    }
    if (answer instanceof Answer.SetOperation operation) {
      return of(operation.left())
          .flatMap(
              left ->
                  of(operation.right())
                      .map(
                          right ->
                              switch (operation.kind()) {
                                case UNION -> left.union(right);
                                case INTERSECTION -> left.intersection(right);
                                case DIFFERENCE -> left.minus(right);
                              }));
    }
    if (answer instanceof Answer.Relation relation) {
      return solutions(relation);
    }
    if (answer instanceof Answer.Scalar scalar
        && scalar.expression().equals(new Expression.Variable("R"))) {
      return Optional.of(RealSet.ALL);
    }
    return Optional.empty();
  }

  /** The one variable of an inequality, if it has one. */
  static Optional<String> variable(Answer.Relation relation) {
    var names = new java.util.TreeSet<String>();
    for (Answer side : relation.sides()) {
      if (side instanceof Answer.Scalar scalar) {
        names.addAll(ExpressionEquality.variables(scalar.expression()));
      }
    }
    return names.size() == 1 ? Optional.of(names.first()) : Optional.empty();
  }

  private interface Reading {
    Optional<RealSet> of(Answer item);
  }

  private static Optional<RealSet> union(List<Answer> items, Reading reading) {
    if (items.size() > MAX_ITEMS) {
      return Optional.empty();
    }
    RealSet union = RealSet.EMPTY;
    for (Answer item : items) {
      Optional<RealSet> set = reading.of(item);
      if (set.isEmpty()) {
        return set;
      }
      union = union.union(set.get());
    }
    return Optional.of(union);
  }

  private static RealSet interval(double low, boolean lowClosed, double high, boolean highClosed) {
    return RealSet.of(
        new RealSet.Interval(
            low, lowClosed && Double.isFinite(low), high, highClosed && Double.isFinite(high)));
  }

  /** The value of a real number or infinity without variables. */
  static Optional<Double> real(Answer answer) {
    if (!(answer instanceof Answer.Scalar scalar)) {
      return Optional.empty();
    }
    Complex value = new NumericEvaluator(java.util.Map.of(), false).evaluate(scalar.expression());
    return value.isReal() && !Double.isNaN(value.re()) ? Optional.of(value.re()) : Optional.empty();
  }

  private static Optional<RealSet> solutions(Answer.Relation relation) {
    if (variable(relation).isEmpty()) {
      return Optional.empty();
    }
    RealSet set = RealSet.ALL;
    for (int i = 0; i < relation.operators().size(); i++) {
      Optional<RealSet> here =
          solutions(
              relation.sides().get(i), relation.operators().get(i), relation.sides().get(i + 1));
      if (here.isEmpty()) {
        return here;
      }
      set = set.intersection(here.get());
    }
    return Optional.of(set);
  }

  private static Optional<RealSet> solutions(Answer left, Operator operator, Answer right) {
    Optional<Double> bound = real(right);
    if (bound.isPresent()) {
      return solutions(left, operator, bound.get());
    }
    return real(left).flatMap(value -> solutions(right, mirrored(operator), value));
  }

  private static Operator mirrored(Operator operator) {
    return switch (operator) {
      case LESS -> Operator.GREATER;
      case LESS_OR_EQUAL -> Operator.GREATER_OR_EQUAL;
      case GREATER -> Operator.LESS;
      case GREATER_OR_EQUAL -> Operator.LESS_OR_EQUAL;
      case EQUAL, NOT_EQUAL -> operator;
    };
  }

  /** Solutions of {@code x operator bound} or {@code |x| operator bound}. */
  private static Optional<RealSet> solutions(Answer side, Operator operator, double bound) {
    if (!(side instanceof Answer.Scalar scalar)) {
      return Optional.empty();
    }
    if (scalar.expression() instanceof Expression.Variable) {
      return Optional.of(ray(operator, bound));
    }
    boolean absolute =
        scalar.expression() instanceof Expression.Call call
            && call.function() == Expression.Function.ABS
            && call.arguments().get(0) instanceof Expression.Variable;
    if (!absolute) {
      return Optional.empty();
    }
    RealSet negative =
        RealSet.ALL
            .intersection(ray(mirrored(operator), -bound))
            .intersection(ray(Operator.LESS, 0));
    RealSet positive = ray(operator, bound).intersection(ray(Operator.GREATER_OR_EQUAL, 0));
    return Optional.of(negative.union(positive));
  }

  private static RealSet ray(Operator operator, double bound) {
    double below = Double.NEGATIVE_INFINITY;
    double above = Double.POSITIVE_INFINITY;
    return switch (operator) {
      case LESS -> interval(below, false, bound, false);
      case LESS_OR_EQUAL -> interval(below, false, bound, true);
      case GREATER -> interval(bound, false, above, false);
      case GREATER_OR_EQUAL -> interval(bound, true, above, false);
      case EQUAL -> RealSet.point(bound);
      case NOT_EQUAL -> RealSet.ALL.minus(RealSet.point(bound));
    };
  }
}
