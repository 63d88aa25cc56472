package org.rlkd.core.chat.jinja;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.rlkd.core.text.PythonWhitespace;

/** How Python writes values ({@code str}, {@code repr}) and treats white space. */
final class PythonText {

  private PythonText() {}

  static String str(Object value) {
    if (value instanceof String text) {
      return text;
    }
    return value instanceof Undefined ? "" : repr(value);
  }

  static String repr(Object value) {
    if (value == null) {
      return "None";
    }
    if (value instanceof Boolean b) {
      return b ? "True" : "False";
    }
    if (value instanceof Double d) {
      return repr(d.doubleValue());
    }
    if (value instanceof String text) {
      return quoted(text);
    }
    if (value instanceof Tuple tuple) {
      StringJoiner items = new StringJoiner(", ", "(", tuple.size() == 1 ? ",)" : ")");
      tuple.forEach(item -> items.add(repr(item)));
      return items.toString();
    }
    if (value instanceof List<?> list) {
      StringJoiner items = new StringJoiner(", ", "[", "]");
      list.forEach(item -> items.add(repr(item)));
      return items.toString();
    }
    if (value instanceof Map<?, ?> map) {
      StringJoiner items = new StringJoiner(", ", "{", "}");
      map.forEach((key, item) -> items.add(repr(key) + ": " + repr(item)));
      return items.toString();
    }
    if (value instanceof Undefined) {
      return "Undefined";
    }
    return value instanceof Long ? value.toString() : "<" + typeName(value) + ">";
  }

  /** The shortest decimal that reads back as the same double, in Python's layout. */
  static String repr(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal exact = new BigDecimal(value);
    BigDecimal shortest = exact;
    for (int digits = 1; digits <= 17; digits++) {
      shortest = exact.round(new MathContext(digits));
      if (shortest.doubleValue() == value) {
        break;
      }
    }
    shortest = shortest.stripTrailingZeros();
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = shortest.toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String digits = shortest.unscaledValue().abs().toString();
    return (value < 0 ? "-" : "")
        + digits.charAt(0)
        + (digits.length() > 1 ? "." + digits.substring(1) : "")
        + String.format("e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
  }

  private static String quoted(String text) {
    char quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
    StringBuilder out = new StringBuilder().append(quote);
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                  if (c == quote) {
                    out.append('\\').append(quote);
                  } else if (printable(c)) {
                    out.appendCodePoint(c);
                  } else {
                    out.append(
                        c < 0x100
                            ? String.format("\\x%02x", c)
                            : c < 0x10000
                                ? String.format("\\u%04x", c)
                                : String.format("\\U%08x", c));
                  }
                }
              }
            });
    return out.append(quote).toString();
  }

  private static boolean printable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }

  static String typeName(Object value) {
    if (value == null) {
      return "NoneType";
    }
    if (value instanceof Undefined) {
      return "Undefined";
    }
    if (value instanceof Boolean) {
      return "bool";
    }
    if (value instanceof Long) {
      return "int";
    }
    if (value instanceof Double) {
      return "float";
    }
    if (value instanceof String) {
      return "str";
    }
    if (value instanceof List) {
      return value instanceof Tuple ? "tuple" : "list";
    }
    if (value instanceof Map) {
      return "dict";
    }
    return value instanceof Callable ? "function" : value.getClass().getSimpleName();
  }

  static boolean isSpace(int c) {
    return c <= Character.MAX_VALUE && PythonWhitespace.is((char) c);
  }

  /** Strips white space (characters null) or any of the given characters. */
  static String strip(String text, String characters, boolean left, boolean right) {
    int start = 0;
    int end = text.length();
    while (left && start < end && strips(text.codePointAt(start), characters)) {
      start += Character.charCount(text.codePointAt(start));
    }
    while (right && end > start && strips(text.codePointBefore(end), characters)) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(start, end);
  }

  private static boolean strips(int c, String characters) {
    return characters == null ? isSpace(c) : characters.indexOf(c) >= 0;
  }

  /** {@code format % values} with %s, %r, %d and %%. */
  static String percentFormat(String format, List<Object> values) {
    StringBuilder out = new StringBuilder();
    int next = 0;
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%') {
        out.append(c);
        continue;
      }
      char kind = i + 1 < format.length() ? format.charAt(++i) : ' ';
      if (kind == '%') {
        out.append('%');
        continue;
      }
      if (next >= values.size()) {
        throw new TemplateException("not enough arguments for format string");
      }
      Object value = values.get(next++);
      switch (kind) {
        case 's' -> out.append(str(value));
        case 'r' -> out.append(repr(value));
        case 'd', 'i' -> {
          if (!(Operators.number(value) instanceof Number n)) {
            throw new TemplateException("%d format: a number is required, not " + typeName(value));
          }
          out.append(n.longValue());
        }
        default ->
            throw new TemplateException(
                "format '%" + kind + "' is not supported; %s, %r, %d and %% are");
      }
    }
    if (next < values.size()) {
      throw new TemplateException("not all arguments converted during string formatting");
    }
    return out.toString();
  }
}
