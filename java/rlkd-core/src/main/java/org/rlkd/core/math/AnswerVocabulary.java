package org.rlkd.core.math;

import java.util.Map;
import java.util.Set;
import org.rlkd.core.math.Answer.Relation.Operator;
import org.rlkd.core.math.Answer.SetOperation;
import org.rlkd.core.math.Expression.Function;

/** What the names, words and symbols of answers mean to the {@link AnswerParser}. */
final class AnswerVocabulary {
  private AnswerVocabulary() {}

  static final Map<String, Function> FUNCTIONS =
      Map.ofEntries(
          Map.entry("sin", Function.SIN),
          Map.entry("cos", Function.COS),
          Map.entry("tan", Function.TAN),
          Map.entry("cot", Function.COT),
          Map.entry("sec", Function.SEC),
          Map.entry("csc", Function.CSC),
          Map.entry("arcsin", Function.ARCSIN),
          Map.entry("arccos", Function.ARCCOS),
          Map.entry("arctan", Function.ARCTAN),
          Map.entry("sinh", Function.SINH),
          Map.entry("cosh", Function.COSH),
          Map.entry("tanh", Function.TANH),
          Map.entry("exp", Function.EXP),
          Map.entry("ln", Function.LN),
          Map.entry("log", Function.LOG),
          Map.entry("lg", Function.LOG));

  static final Map<Function, Function> INVERSES =
      Map.of(
          Function.SIN,
          Function.ARCSIN,
          Function.COS,
          Function.ARCCOS,
          Function.TAN,
          Function.ARCTAN);

  static final Set<Function> TAKE_ANGLES =
      Set.of(Function.SIN, Function.COS, Function.TAN, Function.COT, Function.SEC, Function.CSC);

  static final Map<String, Operator> RELATIONS =
      Map.of(
          "=",
          Operator.EQUAL,
          "≠",
          Operator.NOT_EQUAL,
          "<",
          Operator.LESS,
          "≤",
          Operator.LESS_OR_EQUAL,
          ">",
          Operator.GREATER,
          "≥",
          Operator.GREATER_OR_EQUAL);

  static final Map<String, SetOperation.Kind> SET_OPERATIONS =
      Map.of(
          "∪",
          SetOperation.Kind.UNION,
          "∩",
          SetOperation.Kind.INTERSECTION,
          "∖",
          SetOperation.Kind.DIFFERENCE);

  static final Map<String, Long> MAGNITUDES =
      Map.of(
          "hundred",
          100L,
          "thousand",
          1_000L,
          "million",
          1_000_000L,
          "billion",
          1_000_000_000L,
          "trillion",
          1_000_000_000_000L);

  static final Set<String> CLOSING_COMMANDS = Set.of("rfloor", "rceil");

  static final Set<String> SEPARATORS = Set.of("and", "or", ", and", ", or", "and/or");
  static final Set<String> PERCENT = Set.of("percent", "percentage", "per cent", "pct");

  /** What closes the brackets that may be open. */
  static final Set<String> CLOSING = Set.of(")", "]", "\\}", "}", "&", "\\\\");
}
