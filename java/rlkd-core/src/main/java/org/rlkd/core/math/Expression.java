package org.rlkd.core.math;

import java.util.List;

/** A mathematical expression; what answers are made of. */
sealed interface Expression {
  /** An exact number. */
  record Number(Rational value) implements Expression {}

  /** A constant of the field. */
  enum Constant implements Expression {
    PI,
    E,
    I,
    INFINITY
  }

  /** A free variable; its name keeps the subscript, e.g. {@code x_1}. */
  record Variable(String name) implements Expression {}

  record Sum(Expression left, Expression right) implements Expression {}

  record Product(Expression left, Expression right) implements Expression {}

  record Quotient(Expression numerator, Expression denominator) implements Expression {}

  record Power(Expression base, Expression exponent) implements Expression {}

  record Negation(Expression operand) implements Expression {}

  /**
   * Two values at once, {@code left + right} and {@code left - right}.
   *
   * @param upperIsPlus false for minus-plus
   */
  record PlusMinus(Expression left, Expression right, boolean upperIsPlus) implements Expression {}

  /** A function applied to its arguments. */
  record Call(Function function, List<Expression> arguments) implements Expression {
    public Call {
      arguments = List.copyOf(arguments);
    }

    public Call(Function function, Expression argument) {
      this(function, List.of(argument));
    }
  }

  /** The functions that are known. */
  enum Function {
    SIN,
    COS,
    TAN,
    COT,
    SEC,
    CSC,
    ARCSIN,
    ARCCOS,
    ARCTAN,
    SINH,
    COSH,
    TANH,
    EXP,
    /** Natural logarithm. */
    LN,
    /** Logarithm without a base: natural for a mathematician, to base 10 for an engineer. */
    LOG,
    /** {@code LOG_BASE(base, x)}. */
    LOG_BASE,
    /** {@code ROOT(index, x)}; an odd root of a negative real is real. */
    ROOT,
    ABS,
    FLOOR,
    CEIL,
    FACTORIAL,
    /** {@code BINOMIAL(n, k)}. */
    BINOMIAL
  }

  static Expression number(long value) {
    return new Number(Rational.of(value));
  }
}
