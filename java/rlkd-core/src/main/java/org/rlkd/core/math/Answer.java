package org.rlkd.core.math;

import java.util.List;

/** A parsed answer: an expression or a structure of them. */
sealed interface Answer {
  /** A single value. A percentage keeps the number before the sign and may be read either way. */
  record Scalar(Expression expression, boolean percent) implements Answer {
    public Scalar(Expression expression) {
      this(expression, false);
    }
  }

  /** Values in no order: {@code 1, -2} or {@code x = 1 or x = 2}. */
  record Listing(List<Answer> items) implements Answer {
    public Listing {
      items = List.copyOf(items);
    }
  }

  /**
   * Values in brackets, in order: a point, a vector or an interval. {@code open} is one of ( [,
   * {@code close} one of ) ].
   */
  record Tuple(char open, List<Answer> items, char close) implements Answer {
    public Tuple {
      items = List.copyOf(items);
    }
  }

  /** A finite set in braces. */
  record FiniteSet(List<Answer> items) implements Answer {
    public FiniteSet {
      items = List.copyOf(items);
    }
  }

  /** Union, intersection or difference of sets. */
  record SetOperation(Kind kind, Answer left, Answer right) implements Answer {
    enum Kind {
      UNION,
      INTERSECTION,
      DIFFERENCE
    }
  }

  /** {@code sides[0] operators[0] sides[1] operators[1] ...} with operators = < > ≤ ≥ ≠. */
  record Relation(List<Answer> sides, List<Operator> operators) implements Answer {
    enum Operator {
      EQUAL,
      NOT_EQUAL,
      LESS,
      LESS_OR_EQUAL,
      GREATER,
      GREATER_OR_EQUAL
    }

    public Relation {
      sides = List.copyOf(sides);
      operators = List.copyOf(operators);
    }

    boolean isEquation() {
      return operators.stream().allMatch(Operator.EQUAL::equals);
    }

    Answer last() {
      return sides.get(sides.size() - 1);
    }
  }

  /** Rows of equal length. */
  record Matrix(List<List<Answer>> rows) implements Answer {}

  /** Digits in a number base, {@code 204_5}. */
  record BasedNumber(String digits, String base) implements Answer {}

  /** Words, e.g. a name or a choice; lower case, one blank between words. */
  record Words(String text) implements Answer {}
}
