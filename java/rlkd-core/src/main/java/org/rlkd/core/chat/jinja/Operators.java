package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Python's operators on template values. */
final class Operators {

  /** Longest text or list that {@code *} may make. */
  private static final long MAX_REPEATED = 10_000_000;

  private Operators() {}

  static boolean truth(Object value) {
    if (value == null || value instanceof Undefined) {
      return false;
    }
    if (value instanceof Boolean b) {
      return b;
    }
    if (value instanceof Long n) {
      return n != 0;
    }
    if (value instanceof Double d) {
      return d != 0;
    }
    if (value instanceof String s) {
      return !s.isEmpty();
    }
    if (value instanceof List<?> list) {
      return !list.isEmpty();
    }
    if (value instanceof Map<?, ?> map) {
      return !map.isEmpty();
    }
    return true;
  }

  /** Items of a list, keys of a mapping, characters of a text; an undefined value has none. */
  static List<Object> iterate(Object value) {
    if (value instanceof Undefined) {
      return List.of();
    }
    if (value instanceof List<?> list) {
      return new ArrayList<>(list);
    }
    if (value instanceof Map<?, ?> map) {
      return new ArrayList<>(map.keySet());
    }
    if (value instanceof String text) {
      List<Object> characters = new ArrayList<>();
      text.codePoints().forEach(c -> characters.add(Character.toString(c)));
      return characters;
    }
    throw new TemplateException("'" + PythonText.typeName(value) + "' object is not iterable");
  }

  static Object negative(Object value) {
    Object number = number(value);
    if (number instanceof Long n) {
      return Math.negateExact(n);
    }
    if (number instanceof Double d) {
      return -d;
    }
    throw new TemplateException(
        "bad operand type for unary -: '" + PythonText.typeName(value) + "'");
  }

  static Object positive(Object value) {
    Object number = number(value);
    if (number == null) {
      throw new TemplateException(
          "bad operand type for unary +: '" + PythonText.typeName(value) + "'");
    }
    return number;
  }

  static Object arithmetic(String operator, Object left, Object right) {
    if (left instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (right instanceof Undefined undefined) {
      throw undefined.error();
    }
    Object a = number(left);
    Object b = number(right);
    if (a != null && b != null) {
      try {
        return a instanceof Long x && b instanceof Long y
            ? integers(operator, x, y)
            : floats(operator, ((Number) a).doubleValue(), ((Number) b).doubleValue());
      } catch (ArithmeticException e) {
        throw new TemplateException(
            "number out of range in " + left + " " + operator + " " + right);
      }
    }
    switch (operator) {
      case "+" -> {
        if (left instanceof String x && right instanceof String y) {
          return x + y;
        }
        if (left instanceof List<?> x && right instanceof List<?> y) {
          List<Object> joined = new ArrayList<>(x);
          joined.addAll(y);
          return joined;
        }
      }
      case "*" -> {
        if (b instanceof Long times && (left instanceof String || left instanceof List)) {
          return repeat(left, times);
        }
        if (a instanceof Long times && (right instanceof String || right instanceof List)) {
          return repeat(right, times);
        }
      }
      case "%" -> {
        if (left instanceof String format) {
          return PythonText.percentFormat(
              format, right instanceof Tuple several ? several : Tuple.of(right));
        }
      }
      default -> {}
    }
    throw unsupported(operator, left, right);
  }

  private static Object integers(String operator, long x, long y) {
    boolean divides = operator.equals("/") || operator.equals("//") || operator.equals("%");
    if (divides && y == 0) {
      throw new TemplateException("division by zero");
    }
    return switch (operator) {
      case "+" -> Math.addExact(x, y);
      case "-" -> Math.subtractExact(x, y);
      case "*" -> Math.multiplyExact(x, y);
      case "/" -> (double) x / y;
      case "//" -> Math.floorDiv(x, y);
      case "%" -> Math.floorMod(x, y);
      default -> power(x, y);
    };
  }

  private static Object power(long x, long y) {
    return y < 0
        ? (Object) Math.pow(x, y)
        : (Object) java.math.BigInteger.valueOf(x).pow((int) Math.min(y, 64)).longValueExact();
  }

  private static Object floats(String operator, double x, double y) {
    boolean divides = operator.equals("/") || operator.equals("//") || operator.equals("%");
    if (divides && y == 0) {
      throw new TemplateException("float division by zero");
    }
    return switch (operator) {
      case "+" -> x + y;
      case "-" -> x - y;
      case "*" -> x * y;
      case "/" -> x / y;
      case "//" -> Math.floor(x / y);
      case "%" -> x - y * Math.floor(x / y);
      default -> Math.pow(x, y);
    };
  }

  private static Object repeat(Object value, long times) {
    long count = Math.max(0, times);
    long size = value instanceof String s ? s.length() : ((List<?>) value).size();
    if (size > 0 && count > MAX_REPEATED / size) {
      throw new TemplateException("a repetition of " + count + " times is too long");
    }
    if (value instanceof String s) {
      return s.repeat((int) (size == 0 ? 0 : count));
    }
    List<Object> repeated = new ArrayList<>();
    for (long i = 0; i < count && size > 0; i++) {
      repeated.addAll((List<?>) value);
    }
    return repeated;
  }

  static boolean compare(String operator, Object left, Object right) {
    return switch (operator) {
      case "==" -> equal(left, right);
      case "!=" -> !equal(left, right);
      case "in" -> contains(right, left);
      case "notin" -> !contains(right, left);
      case "<" -> order(operator, left, right) < 0;
      case "<=" -> order(operator, left, right) <= 0;
      case ">" -> order(operator, left, right) > 0;
      default -> order(operator, left, right) >= 0;
    };
  }

  static boolean equal(Object left, Object right) {
    Object a = number(left);
    Object b = number(right);
    if (a != null && b != null) {
      return a instanceof Long && b instanceof Long
          ? a.equals(b)
          : ((Number) a).doubleValue() == ((Number) b).doubleValue();
    }
    if (left instanceof Undefined && right instanceof Undefined) {
      return true;
    }
    if (left instanceof List<?> x && right instanceof List<?> y) {
      if (x.size() != y.size()) {
        return false;
      }
      Iterator<?> other = y.iterator();
      for (Object item : x) {
        if (!equal(item, other.next())) {
          return false;
        }
      }
      return true;
    }
    if (left instanceof Map<?, ?> x && right instanceof Map<?, ?> y) {
      return x.size() == y.size()
          && x.entrySet().stream()
              .allMatch(e -> y.containsKey(e.getKey()) && equal(e.getValue(), y.get(e.getKey())));
    }
    return Objects.equals(left, right);
  }

  private static boolean contains(Object container, Object item) {
    if (container instanceof String text) {
      if (item instanceof String part) {
        return text.contains(part);
      }
      if (item instanceof Undefined undefined) {
        throw undefined.error();
      }
      throw new TemplateException(
          "'in <string>' requires string as left operand, not " + PythonText.typeName(item));
    }
    if (container instanceof Map<?, ?> map) {
      return map.containsKey(item);
    }
    if (container instanceof Undefined || container instanceof List) {
      return iterate(container).stream().anyMatch(element -> equal(element, item));
    }
    throw new TemplateException(
        "argument of type '" + PythonText.typeName(container) + "' is not iterable");
  }

  /** Negative, 0 or positive; an error for values that have no order. */
  static int order(String operator, Object left, Object right) {
    if (left instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (right instanceof Undefined undefined) {
      throw undefined.error();
    }
    Object a = number(left);
    Object b = number(right);
    if (a instanceof Long x && b instanceof Long y) {
      return Long.compare(x, y);
    }
    if (a != null && b != null) {
      return Double.compare(((Number) a).doubleValue(), ((Number) b).doubleValue());
    }
    if (left instanceof String x && right instanceof String y) {
      int[] s = x.codePoints().toArray();
      int[] t = y.codePoints().toArray();
      return java.util.Arrays.compare(s, t);
    }
    if (left instanceof List<?> x && right instanceof List<?> y) {
      for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
        if (!equal(x.get(i), y.get(i))) {
          return order(operator, x.get(i), y.get(i));
        }
      }
      return Integer.compare(x.size(), y.size());
    }
    throw new TemplateException(
        "'"
            + operator
            + "' not supported between instances of '"
            + PythonText.typeName(left)
            + "' and '"
            + PythonText.typeName(right)
            + "'");
  }

  /** The value as Long or Double (a Boolean counts as 0 or 1), or null. */
  static Object number(Object value) {
    if (value instanceof Boolean b) {
      return b ? 1L : 0L;
    }
    return value instanceof Long || value instanceof Double ? value : null;
  }

  private static TemplateException unsupported(String operator, Object left, Object right) {
    if (operator.equals("+") && left instanceof String) {
      return new TemplateException(
          "can only concatenate str (not \"" + PythonText.typeName(right) + "\") to str");
    }
    return new TemplateException(
        "unsupported operand type(s) for "
            + operator
            + ": '"
            + PythonText.typeName(left)
            + "' and '"
            + PythonText.typeName(right)
            + "'");
  }
}
