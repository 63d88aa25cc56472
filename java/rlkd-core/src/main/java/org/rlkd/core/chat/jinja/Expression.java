package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An expression of a template. Values are Java's: null (none), Boolean, Long, Double, String, List
 * (also for tuples), Map, {@link Namespace}, {@link Loop}, {@link Callable}, {@link Undefined}.
 */
sealed interface Expression {

  Object evaluate(Scope scope);

  record Constant(Object value) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return value;
    }
  }

  record Name(String name) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return scope.get(name);
    }
  }

  record ListLiteral(List<Expression> items) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return evaluateAll(items, scope);
    }
  }

  record TupleLiteral(List<Expression> items) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return Tuple.of(evaluateAll(items, scope));
    }
  }

  record DictLiteral(List<Expression> keys, List<Expression> values) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Map<Object, Object> dict = new LinkedHashMap<>();
      for (int i = 0; i < keys.size(); i++) {
        dict.put(keys.get(i).evaluate(scope), values.get(i).evaluate(scope));
      }
      return dict;
    }
  }

  record Attribute(Expression object, String name) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return Attributes.attribute(object.evaluate(scope), name);
    }
  }

  record Item(Expression object, Expression key) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return Attributes.item(object.evaluate(scope), key.evaluate(scope));
    }
  }

  /** {@code object[start:stop:step]}; a bound that is not written is null. */
  record Slice(Expression object, Expression start, Expression stop, Expression step)
      implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return Attributes.slice(
          object.evaluate(scope), bound(start, scope), bound(stop, scope), bound(step, scope));
    }

    private static Object bound(Expression bound, Scope scope) {
      return bound == null ? null : bound.evaluate(scope);
    }
  }

  record Call(Expression function, CallArguments arguments) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object callee = function.evaluate(scope);
      if (callee instanceof Undefined undefined) {
        throw undefined.error();
      }
      if (callee instanceof Callable callable) {
        return callable.call(arguments.evaluate(scope));
      }
      throw new TemplateException("'" + PythonText.typeName(callee) + "' object is not callable");
    }
  }

  record Filter(Expression input, String name, CallArguments arguments) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return Filters.apply(name, input.evaluate(scope), arguments.evaluate(scope));
    }
  }

  record Test(Expression input, String name, CallArguments arguments) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return Tests.holds(name, input.evaluate(scope), arguments.evaluate(scope));
    }
  }

  record Not(Expression operand) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return !Operators.truth(operand.evaluate(scope));
    }
  }

  record Negative(Expression operand) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return Operators.negative(operand.evaluate(scope));
    }
  }

  record Positive(Expression operand) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return Operators.positive(operand.evaluate(scope));
    }
  }

  record And(Expression left, Expression right) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object value = left.evaluate(scope);
      return Operators.truth(value) ? right.evaluate(scope) : value;
    }
  }

  record Or(Expression left, Expression right) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object value = left.evaluate(scope);
      return Operators.truth(value) ? value : right.evaluate(scope);
    }
  }

  /** {@code + - * / // % **}. */
  record Arithmetic(String operator, Expression left, Expression right) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return Operators.arithmetic(operator, left.evaluate(scope), right.evaluate(scope));
    }
  }

  /** {@code a ~ b ~ c}. */
  record Concatenation(List<Expression> parts) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      StringBuilder text = new StringBuilder();
      for (Expression part : parts) {
        text.append(PythonText.str(part.evaluate(scope)));
      }
      return text.toString();
    }
  }

  /** {@code a < b <= c}: all must hold; operators {@code == != < <= > >= in notin}. */
  record Comparison(Expression first, List<String> operators, List<Expression> others)
      implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object left = first.evaluate(scope);
      for (int i = 0; i < operators.size(); i++) {
        Object right = others.get(i).evaluate(scope);
        if (!Operators.compare(operators.get(i), left, right)) {
          return false;
        }
        left = right;
      }
      return true;
    }
  }

  /** {@code then if test else otherwise}; without an else the value is undefined. */
  record Conditional(Expression test, Expression then, Expression otherwise) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      if (Operators.truth(test.evaluate(scope))) {
        return then.evaluate(scope);
      }
      return otherwise == null
          ? new Undefined(
              "the inline if-expression evaluated to false and no else section was defined.")
          : otherwise.evaluate(scope);
    }
  }

  /** Arguments as written; {@code star} and {@code doubleStar} may be null. */
  record CallArguments(
      List<Expression> positional,
      Map<String, Expression> named,
      Expression star,
      Expression doubleStar) {

    static final CallArguments NONE = new CallArguments(List.of(), Map.of(), null, null);

    Arguments evaluate(Scope scope) {
      if (this == NONE) {
        return Arguments.NONE;
      }
      List<Object> values = evaluateAll(positional, scope);
      if (star != null) {
        Operators.iterate(star.evaluate(scope)).forEach(values::add);
      }
      Map<String, Object> keywords = new LinkedHashMap<>();
      named.forEach((name, value) -> keywords.put(name, value.evaluate(scope)));
      if (doubleStar != null) {
        if (!(doubleStar.evaluate(scope) instanceof Map<?, ?> more)) {
          throw new TemplateException("argument after ** must be a mapping");
        }
        more.forEach((name, value) -> keywords.put(PythonText.str(name), value));
      }
      return new Arguments(values, keywords);
    }
  }

  private static List<Object> evaluateAll(List<Expression> expressions, Scope scope) {
    List<Object> values = new ArrayList<>(expressions.size());
    for (Expression expression : expressions) {
      values.add(expression.evaluate(scope));
    }
    return values;
  }
}
