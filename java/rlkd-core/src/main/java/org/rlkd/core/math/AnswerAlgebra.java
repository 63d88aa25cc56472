package org.rlkd.core.math;

import java.util.ArrayList;
import java.util.List;

/** Arithmetic on answers that are scalars or matrices; others are unparsable in an expression. */
final class AnswerAlgebra {
  private AnswerAlgebra() {}

  static Answer scalar(Expression expression) {
    return new Answer.Scalar(expression);
  }

  static Expression expression(Answer answer) throws Unparsable {
    if (answer instanceof Answer.Scalar scalar) {
      return scalar.expression();
    }
    throw new Unparsable("an expression was expected");
  }

  static Answer negated(Answer answer) throws Unparsable {
    return answer instanceof Answer.Matrix matrix
        ? scaled(Expression.number(-1), matrix)
        : scalar(new Expression.Negation(expression(answer)));
  }

  static Answer product(Answer left, Answer right) throws Unparsable {
    return right instanceof Answer.Matrix matrix
        ? scaled(expression(left), matrix)
        : scalar(new Expression.Product(expression(left), expression(right)));
  }

  private static Answer scaled(Expression factor, Answer.Matrix matrix) throws Unparsable {
    List<List<Answer>> rows = new ArrayList<>();
    for (List<Answer> row : matrix.rows()) {
      List<Answer> cells = new ArrayList<>();
      for (Answer cell : row) {
        cells.add(product(scalar(factor), cell));
      }
      rows.add(cells);
    }
    return new Answer.Matrix(rows);
  }
}
