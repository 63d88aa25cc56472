package org.rlkd.core.math;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.rlkd.core.math.Answer.Relation.Operator;

/**
 * Whether a parsed answer equals the parsed reference answer. Not symmetric: the reference's form
 * says what is asked for.
 */
final class AnswerEquality {
  /** What an empty set of solutions is called. */
  private static final String NOTHING = "no solution";

  private static final Map<String, String> SYNONYMS =
      Map.of(
          "no solutions", NOTHING,
          "no real solution", NOTHING,
          "no real solutions", NOTHING,
          "empty set", NOTHING,
          "none", NOTHING,
          "dne", "does not exist");

  private AnswerEquality() {}

  static boolean equal(Answer gold, Answer answer) {
    if (gold instanceof Answer.Words || answer instanceof Answer.Words) {
      return spelled(gold).isPresent() && spelled(gold).equals(spelled(answer));
    }
    if (gold instanceof Answer.BasedNumber || answer instanceof Answer.BasedNumber) {
      return sameBase(gold, answer);
    }
    if (gold instanceof Answer.Relation goldRelation
        && answer instanceof Answer.Relation relation) {
      return sameRelation(goldRelation, relation);
    }
    if (gold instanceof Answer.Relation relation && relation.isEquation()) {
      return equalsSide(relation, side -> equal(side, answer));
    }
    if (answer instanceof Answer.Relation relation && relation.isEquation()) {
      return equalsSide(relation, side -> equal(gold, side));
    }
    if (isSet(gold) || isSet(answer)) {
      Optional<RealSet> goldSet = RealSets.of(gold);
      Optional<RealSet> set = RealSets.of(answer);
      return goldSet.isPresent() && set.isPresent() && goldSet.get().sameAs(set.get());
    }
    if (gold instanceof Answer.Matrix || answer instanceof Answer.Matrix) {
      return sameMatrix(gold, answer);
    }
    if (gold instanceof Answer.Tuple || answer instanceof Answer.Tuple) {
      return sameTuple(gold, answer);
    }
    if (gold instanceof Answer.Scalar goldScalar && answer instanceof Answer.Scalar scalar) {
      return sameScalar(goldScalar, scalar);
    }
    return sameItems(items(gold), items(answer));
  }

  private interface Test {
    boolean test(Answer side);
  }

  /** The value of an equation is its last side; its first if that is what {@code 5 = x} says. */
  private static boolean equalsSide(Answer.Relation equation, Test test) {
    return test.test(equation.last())
        || (name(equation.last()).isPresent() && test.test(equation.sides().get(0)));
  }

  private static boolean isSet(Answer answer) {
    return answer instanceof Answer.SetOperation
        || (answer instanceof Answer.Relation relation && !relation.isEquation())
        || (answer instanceof Answer.Tuple tuple && (tuple.open() == '(') != (tuple.close() == ')'))
        || (answer instanceof Answer.Scalar scalar
            && scalar.expression().equals(new Expression.Variable("R")))
        || (answer instanceof Answer.Listing listing
            && listing.items().stream()
                .allMatch(
                    item -> item instanceof Answer.Relation relation && !relation.isEquation()));
  }

  /** The name of a variable that stands alone. */
  private static Optional<String> name(Answer answer) {
    return answer instanceof Answer.Scalar scalar
            && scalar.expression() instanceof Expression.Variable variable
        ? Optional.of(variable.name())
        : Optional.empty();
  }

  private static Optional<String> spelled(Answer answer) {
    if (answer instanceof Answer.FiniteSet set && set.items().isEmpty()) {
      return Optional.of(NOTHING);
    }
    if (answer instanceof Answer.Words words) {
      String text =
          words
              .text()
              .replaceAll("\\b(?:an?|the)\\s+", "")
              .replaceAll("[^\\p{L}\\p{Nd}]+", " ")
              .strip();
      return Optional.of(SYNONYMS.getOrDefault(text, text));
    }
    return answer instanceof Answer.Scalar scalar
        ? Optional.ofNullable(letters(scalar.expression())).map(String::toLowerCase)
        : Optional.empty();
  }

  /** The letters of a product of variables in their order, null if it is something else. */
  private static String letters(Expression expression) {
    if (expression instanceof Expression.Variable variable) {
      return variable.name();
    }
    if (expression instanceof Expression.Constant constant
        && constant != Expression.Constant.PI
        && constant != Expression.Constant.INFINITY) {
      return constant.name();
    }
    if (expression instanceof Expression.Product product) {
      String left = letters(product.left());
      String right = left == null ? null : letters(product.right());
      return right == null ? null : left + right;
    }
    return null;
  }

  /** A base that only one side writes is assumed. */
  private static boolean sameBase(Answer gold, Answer answer) {
    if (gold instanceof Answer.BasedNumber one && answer instanceof Answer.BasedNumber other) {
      return one.equals(other);
    }
    Answer.BasedNumber based =
        gold instanceof Answer.BasedNumber number ? number : (Answer.BasedNumber) answer;
    Answer other = gold instanceof Answer.BasedNumber ? answer : gold;
    return other instanceof Answer.Scalar scalar
        && scalar.expression() instanceof Expression.Number number
        && number.value().isInteger()
        && number.value().numerator().toString().equals(based.digits());
  }

  private static boolean sameRelation(Answer.Relation gold, Answer.Relation answer) {
    if (!gold.isEquation() || !answer.isEquation()) {
      return sameInequality(gold, answer);
    }
    Optional<String> goldName = name(gold.sides().get(0));
    Optional<String> answerName = name(answer.sides().get(0));
    if (goldName.isPresent() && answerName.isPresent() && !goldName.equals(answerName)) {
      return false;
    }
    boolean sameSubject =
        goldName.isPresent() && goldName.equals(answerName)
            || RealSets.real(gold.sides().get(0)).isPresent()
            || RealSets.real(answer.sides().get(0)).isPresent()
            || !(gold.last() instanceof Answer.Scalar);
    if (sameSubject && equal(gold.last(), answer.last())) {
      return true;
    }
    Optional<Expression> goldDifference = difference(gold);
    Optional<Expression> answerDifference = difference(answer);
    return goldDifference.isPresent()
        && answerDifference.isPresent()
        && ExpressionEquality.proportional(goldDifference.get(), answerDifference.get(), false);
  }

  private static boolean sameInequality(Answer.Relation gold, Answer.Relation answer) {
    if (gold.isEquation() != answer.isEquation()) {
      return false;
    }
    Optional<RealSet> goldSet = RealSets.of(gold);
    Optional<RealSet> answerSet = RealSets.of(answer);
    if (goldSet.isPresent() && answerSet.isPresent()) {
      return RealSets.variable(gold).equals(RealSets.variable(answer))
          && goldSet.get().sameAs(answerSet.get());
    }
    if (gold.operators().size() != 1 || answer.operators().size() != 1) {
      return false;
    }
    Operator goldOperator = gold.operators().get(0);
    Operator answerOperator = answer.operators().get(0);
    Optional<Expression> goldDifference = difference(gold);
    Optional<Expression> answerDifference = difference(answer);
    if (strict(goldOperator) != strict(answerOperator)
        || goldDifference.isEmpty()
        || answerDifference.isEmpty()) {
      return false;
    }
    Expression turned =
        upward(goldOperator) == upward(answerOperator)
            ? answerDifference.get()
            : new Expression.Negation(answerDifference.get());
    return ExpressionEquality.proportional(goldDifference.get(), turned, true);
  }

  private static boolean strict(Operator operator) {
    return operator == Operator.LESS || operator == Operator.GREATER;
  }

  private static boolean upward(Operator operator) {
    return operator == Operator.GREATER || operator == Operator.GREATER_OR_EQUAL;
  }

  /** First side minus last side. */
  private static Optional<Expression> difference(Answer.Relation relation) {
    return relation.sides().get(0) instanceof Answer.Scalar first
            && relation.last() instanceof Answer.Scalar last
        ? Optional.of(
            new Expression.Sum(first.expression(), new Expression.Negation(last.expression())))
        : Optional.empty();
  }

  private static boolean sameMatrix(Answer gold, Answer answer) {
    if (gold instanceof Answer.Matrix one && answer instanceof Answer.Matrix other) {
      if (one.rows().size() != other.rows().size()) {
        return false;
      }
      for (int i = 0; i < one.rows().size(); i++) {
        if (!inOrder(one.rows().get(i), other.rows().get(i))) {
          return false;
        }
      }
      return true;
    }
    Answer.Matrix matrix = gold instanceof Answer.Matrix one ? one : (Answer.Matrix) answer;
    Answer other = gold instanceof Answer.Matrix ? answer : gold;
    if (other instanceof Answer.Tuple tuple) {
      return vector(matrix).filter(entries -> inOrder(entries, tuple.items())).isPresent();
    }
    return other instanceof Answer.Scalar scalar && isIdentityTimes(matrix, scalar.expression());
  }

  private static Optional<List<Answer>> vector(Answer.Matrix matrix) {
    if (matrix.rows().size() == 1) {
      return Optional.of(matrix.rows().get(0));
    }
    return matrix.rows().get(0).size() == 1
        ? Optional.of(matrix.rows().stream().map(row -> row.get(0)).toList())
        : Optional.empty();
  }

  /** Whether the matrix is the expression with I read as the identity, e.g. {@code -I}. */
  private static boolean isIdentityTimes(Answer.Matrix matrix, Expression expression) {
    if (!ExpressionEquality.variables(expression).equals(Set.of("I"))) {
      return false;
    }
    Complex factor = new NumericEvaluator(java.util.Map.of("I", 1.0), false).evaluate(expression);
    int size = matrix.rows().size();
    for (int i = 0; i < size; i++) {
      if (matrix.rows().get(i).size() != size) {
        return false;
      }
      for (int j = 0; j < size; j++) {
        double expected = i == j ? factor.re() : 0;
        if (RealSets.real(matrix.rows().get(i).get(j))
            .filter(value -> Closeness.equal(value, expected))
            .isEmpty()) {
          return false;
        }
      }
    }
    return true;
  }

  /**
   * A bare list is a tuple if it has more than two items or names them; {@code 1, -2} may be two
   * solutions, which {@code (1, -2)} is not.
   */
  private static boolean sameTuple(Answer gold, Answer answer) {
    if (gold instanceof Answer.Tuple one && answer instanceof Answer.Tuple other) {
      boolean sameBrackets = one.open() == other.open() && one.close() == other.close();
      return (sameBrackets || one.items().size() > 2) && inOrder(one.items(), other.items());
    }
    if (gold instanceof Answer.Listing && answer instanceof Answer.Tuple) {
      return sameTuple(answer, gold);
    }
    return gold instanceof Answer.Tuple tuple
        && answer instanceof Answer.Listing listing
        && (tuple.items().size() > 2 || namesDiffer(listing))
        && inOrder(tuple.items(), listing.items());
  }

  /** {@code x = 1, y = 2}: the values of several unknowns, not several values of one. */
  private static boolean namesDiffer(Answer.Listing listing) {
    Set<String> names = new HashSet<>();
    for (Answer item : listing.items()) {
      if (item instanceof Answer.Relation relation && relation.isEquation()) {
        name(relation.sides().get(0)).ifPresent(names::add);
      }
    }
    return names.size() == listing.items().size();
  }

  private static boolean inOrder(List<Answer> gold, List<Answer> answer) {
    if (gold.size() != answer.size()) {
      return false;
    }
    for (int i = 0; i < gold.size(); i++) {
      if (!equal(gold.get(i), answer.get(i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean sameScalar(Answer.Scalar gold, Answer.Scalar answer) {
    List<Expression> golds = PlusMinusExpansion.of(gold.expression());
    List<Expression> answers = PlusMinusExpansion.of(answer.expression());
    if (golds.size() > 1 || answers.size() > 1) {
      return sameItems(items(gold), items(answer));
    }
    Expression one = golds.get(0);
    Expression other = answers.get(0);
    if (ExpressionEquality.equal(one, other)) {
      return true;
    }
    if (gold.percent() == answer.percent()) {
      return false;
    }
    return gold.percent()
        ? ExpressionEquality.equal(hundredth(one), other)
        : ExpressionEquality.equal(one, hundredth(other));
  }

  private static Expression hundredth(Expression expression) {
    return new Expression.Quotient(expression, Expression.number(100));
  }

  private static List<Answer> items(Answer answer) {
    if (answer instanceof Answer.Listing listing) {
      return listing.items().stream().flatMap(item -> items(item).stream()).toList();
    }
    if (answer instanceof Answer.FiniteSet set) {
      return set.items().stream().flatMap(item -> items(item).stream()).toList();
    }
    if (answer instanceof Answer.Relation relation
        && relation.isEquation()
        && relation.last() instanceof Answer.Scalar scalar
        && PlusMinusExpansion.of(scalar.expression()).size() > 1) {
      return items(scalar);
    }
    if (answer instanceof Answer.Scalar scalar) {
      List<Answer> values = new ArrayList<>();
      PlusMinusExpansion.of(scalar.expression())
          .forEach(value -> values.add(new Answer.Scalar(value, scalar.percent())));
      return values;
    }
    return List.of(answer);
  }

  /** Longer collections are refused: the comparison is quadratic. */
  private static final int MAX_ITEMS = 200;

  /** Each of one side has an equal on the other side; repetitions do not count. */
  private static boolean sameItems(List<Answer> gold, List<Answer> answer) {
    return gold.size() <= MAX_ITEMS
        && answer.size() <= MAX_ITEMS
        && gold.isEmpty() == answer.isEmpty()
        && gold.stream().allMatch(one -> answer.stream().anyMatch(other -> equal(one, other)))
        && answer.stream().allMatch(other -> gold.stream().anyMatch(one -> equal(one, other)));
  }
}
