package org.rlkd.core.chat.jinja;

import java.util.List;
import java.util.Map;

/** {@code value is name(arguments)}. */
final class Tests {

  private Tests() {}

  static boolean holds(String name, Object value, Arguments arguments) {
    return switch (name) {
      case "defined" -> !(value instanceof Undefined);
      case "undefined" -> value instanceof Undefined;
      case "none" -> value == null;
      case "string" -> value instanceof String;
      case "number" -> Operators.number(value) != null;
      case "integer" -> value instanceof Long;
      case "float" -> value instanceof Double;
      case "boolean" -> value instanceof Boolean;
      case "true" -> Boolean.TRUE.equals(value);
      case "false" -> Boolean.FALSE.equals(value);
      case "mapping" -> value instanceof Map;
      case "sequence" ->
          value instanceof String
              || value instanceof List
              || value instanceof Map
              || value instanceof Undefined;
      case "iterable" ->
          value instanceof String
              || value instanceof List
              || value instanceof Map
              || value instanceof Undefined;
      case "callable" -> value instanceof Callable;
      case "even" -> remainder(name, value, 2L) == 0;
      case "odd" -> remainder(name, value, 2L) == 1;
      case "divisibleby" -> remainder(name, value, other(name, arguments)) == 0;
      case "eq", "equalto", "==" -> Operators.equal(value, other(name, arguments));
      case "ne", "!=" -> !Operators.equal(value, other(name, arguments));
      case "lt", "lessthan", "<" -> Operators.compare("<", value, other(name, arguments));
      case "le", "<=" -> Operators.compare("<=", value, other(name, arguments));
      case "gt", "greaterthan", ">" -> Operators.compare(">", value, other(name, arguments));
      case "ge", ">=" -> Operators.compare(">=", value, other(name, arguments));
      case "in" -> Operators.compare("in", value, other(name, arguments));
      case "sameas" -> same(value, other(name, arguments));
      case "lower" -> StringMethods.isLower(PythonText.str(value));
      case "upper" -> StringMethods.isUpper(PythonText.str(value));
      default -> throw new TemplateException("No test named '" + name + "'.");
    };
  }

  private static Object other(String name, Arguments arguments) {
    return arguments.bindAtLeast(1, name, "other")[0];
  }

  private static long remainder(String name, Object value, Object divisor) {
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (Operators.arithmetic("%", value, divisor) instanceof Long rest) {
      return rest;
    }
    throw new TemplateException(
        "test '" + name + "' needs an integer, found " + PythonText.typeName(value));
  }

  private static boolean same(Object left, Object right) {
    boolean plain = left instanceof Boolean || left instanceof Long || left instanceof String;
    return plain ? left.equals(right) : left == right;
  }
}
