package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code tojson} as transformers defines it: {@code json.dumps(x, ensure_ascii=False)}, keys in
 * their order.
 */
final class Json {

  private final String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean ascii;
  private final boolean sortKeys;
  private final StringBuilder out = new StringBuilder();

  private Json(
      String indent, String itemSeparator, String keySeparator, boolean ascii, boolean sortKeys) {
    this.indent = indent;
    this.itemSeparator = itemSeparator;
    this.keySeparator = keySeparator;
    this.ascii = ascii;
    this.sortKeys = sortKeys;
  }

  static String filter(Object value, Arguments arguments) {
    Object[] a = arguments.bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
    String indent =
        a[1] == null
            ? null
            : a[1] instanceof Long n
                ? " ".repeat(Math.toIntExact(Math.min(n, 64)))
                : PythonText.str(a[1]);
    List<Object> separators =
        a[2] == null ? List.of(indent == null ? ", " : ",", ": ") : Operators.iterate(a[2]);
    if (separators.size() != 2) {
      throw new TemplateException("tojson: separators must be a pair");
    }
    Json json =
        new Json(
            indent,
            PythonText.str(separators.get(0)),
            PythonText.str(separators.get(1)),
            Operators.truth(a[0]),
            Operators.truth(a[3]));
    json.write(value, 0);
    return json.out.toString();
  }

  private void write(Object value, int depth) {
    if (value instanceof Map<?, ?> map) {
      List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
      if (sortKeys) {
        entries.sort((x, y) -> Operators.order("<", x.getKey(), y.getKey()));
      }
      out.append('{');
      for (int i = 0; i < entries.size(); i++) {
        separate(i, depth + 1);
        string(key(entries.get(i).getKey()));
        out.append(keySeparator);
        write(entries.get(i).getValue(), depth + 1);
      }
      close(entries.isEmpty(), depth, '}');
    } else if (value instanceof List<?> list) {
      out.append('[');
      for (int i = 0; i < list.size(); i++) {
        separate(i, depth + 1);
        write(list.get(i), depth + 1);
      }
      close(list.isEmpty(), depth, ']');
    } else if (value instanceof String text) {
      string(text);
    } else {
      out.append(scalar(value));
    }
  }

  private void separate(int index, int depth) {
    out.append(index == 0 ? "" : itemSeparator);
    if (indent != null) {
      out.append('\n').append(indent.repeat(depth));
    }
  }

  private void close(boolean empty, int depth, char bracket) {
    if (indent != null && !empty) {
      out.append('\n').append(indent.repeat(depth));
    }
    out.append(bracket);
  }

  private static String key(Object key) {
    return key instanceof String text ? text : scalar(key);
  }

  private static String scalar(Object value) {
    if (value == null) {
      return "null";
    }
    if (value instanceof Boolean || value instanceof Long) {
      return value.toString();
    }
    if (value instanceof Double d) {
      return d.isNaN()
          ? "NaN"
          : d.isInfinite() ? (d > 0 ? "Infinity" : "-Infinity") : PythonText.repr(d);
    }
    throw new TemplateException(
        "Object of type " + PythonText.typeName(value) + " is not JSON serializable");
  }

  private void string(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < 0x20 || (ascii && c > 0x7e)) {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
