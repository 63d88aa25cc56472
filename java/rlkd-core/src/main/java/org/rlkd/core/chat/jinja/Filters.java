package org.rlkd.core.chat.jinja;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code value | name(arguments)}: Jinja's filters that chat templates use. */
final class Filters {

  private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);

  /** Where Jinja's title filter begins a word. */
  private static final Pattern BEFORE_WORD =
      Pattern.compile("[-\\s({\\[<]+", Pattern.UNICODE_CHARACTER_CLASS);

  private Filters() {}

  static Object apply(String name, Object value, Arguments arguments) {
    return switch (name) {
      case "default", "d" -> defaultValue(value, arguments);
      case "tojson" -> Json.filter(value, arguments);
      case "length", "count" -> length(value);
      case "trim" -> trim(value, arguments);
      case "upper" -> PythonText.str(value).toUpperCase(Locale.ROOT);
      case "lower" -> PythonText.str(value).toLowerCase(Locale.ROOT);
      case "capitalize" -> StringMethods.capitalize(PythonText.str(value));
      case "title" -> title(PythonText.str(value));
      case "string", "safe" -> PythonText.str(value);
      case "escape", "e" -> escape(PythonText.str(value));
      case "replace" -> replace(value, arguments);
      case "indent" -> indent(PythonText.str(value), arguments);
      case "format" -> PythonText.percentFormat(PythonText.str(value), arguments.positional());
      case "wordcount" -> WORD.matcher(PythonText.str(value)).results().count();
      case "join" -> join(value, arguments);
      case "first" -> end(value, true);
      case "last" -> end(value, false);
      case "list" -> Operators.iterate(value);
      case "items" -> items(value);
      case "dictsort" -> dictSort(value, arguments);
      case "reverse" -> reverse(value);
      case "sort" -> sort(value, arguments);
      case "unique" -> unique(value, arguments);
      case "map" -> map(value, arguments);
      case "select" -> select(value, arguments, true);
      case "reject" -> select(value, arguments, false);
      case "selectattr" -> selectByAttribute(value, arguments, true);
      case "rejectattr" -> selectByAttribute(value, arguments, false);
      case "attr" ->
          Attributes.attribute(value, PythonText.str(arguments.bindAtLeast(1, name, "name")[0]));
      case "min" -> extreme(value, arguments, -1);
      case "max" -> extreme(value, arguments, 1);
      case "sum" -> sum(value, arguments);
      case "abs" ->
          Operators.order("<", value, 0L) < 0
              ? Operators.negative(value)
              : Operators.positive(value);
      case "round" -> round(value, arguments);
      case "int" -> toInt(value, arguments);
      case "float" -> toFloat(value, arguments);
      default -> throw new TemplateException("No filter named '" + name + "'.");
    };
  }

  private static Object defaultValue(Object value, Arguments arguments) {
    Object[] a = arguments.bind("default", "default_value", "boolean");
    boolean given =
        !arguments.positional().isEmpty() || arguments.named().containsKey("default_value");
    boolean replaces =
        value instanceof Undefined || (Operators.truth(a[1]) && !Operators.truth(value));
    return replaces ? (given ? a[0] : "") : value;
  }

  private static long length(Object value) {
    if (value instanceof String text) {
      return text.codePointCount(0, text.length());
    }
    if (value instanceof List || value instanceof Map || value instanceof Undefined) {
      return Operators.iterate(value).size();
    }
    throw new TemplateException("object of type '" + PythonText.typeName(value) + "' has no len()");
  }

  private static String trim(Object value, Arguments arguments) {
    Object characters = arguments.bind("trim", "chars")[0];
    return PythonText.strip(
        PythonText.str(value), characters == null ? null : PythonText.str(characters), true, true);
  }

  /** Unlike {@code str.title}, leaves what follows an apostrophe small. */
  private static String title(String text) {
    StringBuilder out = new StringBuilder();
    Matcher gap = BEFORE_WORD.matcher(text);
    int word = 0;
    while (gap.find()) {
      out.append(StringMethods.capitalize(text.substring(word, gap.start()))).append(gap.group());
      word = gap.end();
    }
    return out.append(StringMethods.capitalize(text.substring(word))).toString();
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace(">", "&gt;")
        .replace("<", "&lt;")
        .replace("'", "&#39;")
        .replace("\"", "&#34;");
  }

  private static String replace(Object value, Arguments arguments) {
    Object[] a = arguments.bindAtLeast(2, "replace", "old", "new", "count");
    return StringMethods.replace(
        PythonText.str(value),
        PythonText.str(a[0]),
        PythonText.str(a[1]),
        a[2] == null ? -1 : (Long) a[2]);
  }

  private static String indent(String text, Arguments arguments) {
    Object[] a = arguments.bind("indent", "width", "first", "blank");
    String indention =
        a[0] instanceof String s ? s : " ".repeat(a[0] == null ? 4 : Math.toIntExact((Long) a[0]));
    String[] lines = text.split("\n", -1);
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.length; i++) {
      boolean indents =
          i == 0 ? Operators.truth(a[1]) : Operators.truth(a[2]) || !lines[i].isEmpty();
      out.append(i == 0 ? "" : "\n").append(indents ? indention : "").append(lines[i]);
    }
    return out.toString();
  }

  private static String join(Object value, Arguments arguments) {
    Object[] a = arguments.bind("join", "d", "attribute");
    String separator = a[0] == null ? "" : PythonText.str(a[0]);
    StringBuilder out = new StringBuilder();
    List<Object> items = Operators.iterate(value);
    for (int i = 0; i < items.size(); i++) {
      out.append(i == 0 ? "" : separator).append(PythonText.str(path(items.get(i), a[1])));
    }
    return out.toString();
  }

  private static Object end(Object value, boolean first) {
    List<Object> items = Operators.iterate(value);
    return items.isEmpty()
        ? new Undefined("No " + (first ? "first" : "last") + " item, sequence was empty.")
        : items.get(first ? 0 : items.size() - 1);
  }

  private static List<Object> items(Object value) {
    if (value instanceof Undefined) {
      return List.of();
    }
    if (value instanceof Map<?, ?> map) {
      return Attributes.items(map);
    }
    throw new TemplateException("Can only get item pairs from a mapping.");
  }

  private static List<Object> dictSort(Object value, Arguments arguments) {
    requireDefined(value);
    Object[] a = arguments.bind("dictsort", "case_sensitive", "by", "reverse");
    int part = "value".equals(a[1]) ? 1 : 0;
    List<Object> sorted = new ArrayList<>(items(value));
    sorted.sort(
        byKey(item -> ((List<?>) item).get(part), Operators.truth(a[0]), Operators.truth(a[2])));
    return sorted;
  }

  private static Object reverse(Object value) {
    if (value instanceof String text) {
      return new StringBuilder(text).reverse().toString();
    }
    List<Object> items = Operators.iterate(value);
    Collections.reverse(items);
    return items;
  }

  private static List<Object> sort(Object value, Arguments arguments) {
    Object[] a = arguments.bind("sort", "reverse", "case_sensitive", "attribute");
    List<Object> sorted = new ArrayList<>(Operators.iterate(value));
    sorted.sort(byKey(item -> path(item, a[2]), Operators.truth(a[1]), Operators.truth(a[0])));
    return sorted;
  }

  private static Comparator<Object> byKey(
      java.util.function.Function<Object, Object> key, boolean caseSensitive, boolean reverse) {
    Comparator<Object> order =
        (x, y) ->
            Operators.order(
                "<", folded(key.apply(x), caseSensitive), folded(key.apply(y), caseSensitive));
    return reverse ? order.reversed() : order;
  }

  private static Object folded(Object value, boolean caseSensitive) {
    return !caseSensitive && value instanceof String text ? text.toLowerCase(Locale.ROOT) : value;
  }

  private static List<Object> unique(Object value, Arguments arguments) {
    Object[] a = arguments.bind("unique", "case_sensitive", "attribute");
    List<Object> seen = new ArrayList<>();
    List<Object> kept = new ArrayList<>();
    for (Object item : Operators.iterate(value)) {
      Object key = folded(path(item, a[1]), Operators.truth(a[0]));
      if (seen.stream().noneMatch(other -> Operators.equal(other, key))) {
        seen.add(key);
        kept.add(item);
      }
    }
    return kept;
  }

  private static List<Object> map(Object value, Arguments arguments) {
    List<Object> mapped = new ArrayList<>();
    if (!Operators.truth(value)) {
      return mapped;
    }
    if (arguments.positional().isEmpty()) {
      Object[] a = arguments.bindAtLeast(1, "map", "attribute", "default");
      for (Object item : Operators.iterate(value)) {
        Object found = path(item, a[0]);
        mapped.add(
            found instanceof Undefined && arguments.named().containsKey("default") ? a[1] : found);
      }
      return mapped;
    }
    String filter = PythonText.str(arguments.positional().get(0));
    for (Object item : Operators.iterate(value)) {
      mapped.add(apply(filter, item, arguments.from(1)));
    }
    return mapped;
  }

  private static List<Object> select(Object value, Arguments arguments, boolean wanted) {
    List<Object> kept = new ArrayList<>();
    for (Object item : Operators.truth(value) ? Operators.iterate(value) : List.of()) {
      if (passes(item, arguments, 0) == wanted) {
        kept.add(item);
      }
    }
    return kept;
  }

  private static List<Object> selectByAttribute(Object value, Arguments arguments, boolean wanted) {
    if (arguments.positional().isEmpty()) {
      throw new TemplateException("Missing parameter for attribute name");
    }
    List<Object> kept = new ArrayList<>();
    for (Object item : Operators.truth(value) ? Operators.iterate(value) : List.of()) {
      if (passes(path(item, arguments.positional().get(0)), arguments, 1) == wanted) {
        kept.add(item);
      }
    }
    return kept;
  }

  private static boolean passes(Object value, Arguments arguments, int testAt) {
    return arguments.positional().size() <= testAt
        ? Operators.truth(value)
        : Tests.holds(
            PythonText.str(arguments.positional().get(testAt)), value, arguments.from(testAt + 1));
  }

  /**
   * The value at a dotted path of attributes and indices; the item itself where the path is null.
   */
  private static Object path(Object item, Object path) {
    if (path == null) {
      return item;
    }
    if (path instanceof Long) {
      return Attributes.item(item, path);
    }
    Object value = item;
    for (String part : PythonText.str(path).split("\\.")) {
      value = Attributes.item(value, part.matches("\\d{1,9}") ? (Object) Long.valueOf(part) : part);
    }
    return value;
  }

  private static Object extreme(Object value, Arguments arguments, int sign) {
    Object[] a = arguments.bind("max", "case_sensitive", "attribute");
    List<Object> items = Operators.iterate(value);
    if (items.isEmpty()) {
      return new Undefined("No aggregated item, sequence was empty.");
    }
    Comparator<Object> order = byKey(item -> path(item, a[1]), Operators.truth(a[0]), false);
    Object best = items.get(0);
    for (Object item : items) {
      if (sign * order.compare(item, best) > 0) {
        best = item;
      }
    }
    return best;
  }

  private static Object sum(Object value, Arguments arguments) {
    Object[] a = arguments.bind("sum", "attribute", "start");
    Object sum = a[1] == null ? 0L : a[1];
    for (Object item : Operators.iterate(value)) {
      sum = Operators.arithmetic("+", sum, path(item, a[0]));
    }
    return sum;
  }

  private static Object round(Object value, Arguments arguments) {
    Object[] a = arguments.bind("round", "precision", "method");
    if (!(Operators.number(value) instanceof Number n)) {
      throw new TemplateException("round: expected a number, found " + PythonText.typeName(value));
    }
    int digits = a[0] == null ? 0 : Math.toIntExact((Long) a[0]);
    RoundingMode mode =
        switch (a[1] == null ? "common" : PythonText.str(a[1])) {
          case "common" -> RoundingMode.HALF_EVEN;
          case "ceil" -> RoundingMode.CEILING;
          case "floor" -> RoundingMode.FLOOR;
          default -> throw new TemplateException("method must be common, ceil or floor");
        };
    if (n instanceof Long whole && mode == RoundingMode.HALF_EVEN) {
      return BigDecimal.valueOf(whole).setScale(digits, mode).longValue();
    }
    return new BigDecimal(n.doubleValue()).setScale(digits, mode).doubleValue();
  }

  private static Object toInt(Object value, Arguments arguments) {
    requireDefined(value);
    Object[] a = arguments.bind("int", "default", "base");
    int base = a[1] == null ? 10 : Math.toIntExact((Long) a[1]);
    try {
      if (Operators.number(value) instanceof Number n) {
        return n.longValue();
      }
      return value instanceof String text
          ? (Object) parseInt(text.strip(), base)
          : (a[0] == null ? (Object) 0L : a[0]);
    } catch (NumberFormatException e) {
      return a[0] == null ? 0L : a[0];
    }
  }

  private static void requireDefined(Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
  }

  private static long parseInt(String text, int base) {
    try {
      return Long.parseLong(text, base);
    } catch (NumberFormatException e) {
      return (long) Double.parseDouble(text);
    }
  }

  private static Object toFloat(Object value, Arguments arguments) {
    requireDefined(value);
    Object fallback = arguments.bind("float", "default")[0];
    try {
      if (Operators.number(value) instanceof Number n) {
        return n.doubleValue();
      }
      if (value instanceof String text) {
        return Double.parseDouble(text.strip());
      }
    } catch (NumberFormatException e) {
      // falls through to the default
    }
    return fallback == null ? 0.0 : fallback;
  }
}
