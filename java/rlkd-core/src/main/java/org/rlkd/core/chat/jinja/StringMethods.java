package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;

/** Python's methods of {@code str}. */
final class StringMethods {

  private StringMethods() {}

  /** Returns the method, or null if there is none of that name. */
  static Callable method(String text, String name) {
    return switch (name) {
      case "strip" -> a -> PythonText.strip(text, characters(a, name), true, true);
      case "lstrip" -> a -> PythonText.strip(text, characters(a, name), true, false);
      case "rstrip" -> a -> PythonText.strip(text, characters(a, name), false, true);
      case "upper" -> a -> text.toUpperCase(Locale.ROOT);
      case "lower", "casefold" -> a -> text.toLowerCase(Locale.ROOT);
      case "title" -> a -> title(text);
      case "capitalize" -> a -> capitalize(text);
      case "split" -> a -> split(text, a, false);
      case "rsplit" -> a -> split(text, a, true);
      case "splitlines" -> a -> splitLines(text, a);
      case "partition" ->
          a -> partition(text, string(a, name), text.indexOf(string(a, name)), false);
      case "rpartition" ->
          a -> partition(text, string(a, name), text.lastIndexOf(string(a, name)), true);
      case "startswith" -> a -> anyAffix(a, name, text::startsWith);
      case "endswith" -> a -> anyAffix(a, name, text::endsWith);
      case "removeprefix" ->
          a -> text.startsWith(string(a, name)) ? text.substring(string(a, name).length()) : text;
      case "removesuffix" ->
          a ->
              text.endsWith(string(a, name))
                  ? text.substring(0, text.length() - string(a, name).length())
                  : text;
      case "replace" ->
          a -> {
            Object[] v = a.bindAtLeast(2, name, "old", "new", "count");
            return replace(text, string(v[0]), string(v[1]), v[2] == null ? -1 : (Long) v[2]);
          };
      case "find" -> a -> codePointIndex(text, text.indexOf(string(a, name)));
      case "rfind" -> a -> codePointIndex(text, text.lastIndexOf(string(a, name)));
      case "index" ->
          a -> {
            if (!text.contains(string(a, name))) {
              throw new TemplateException("substring not found");
            }
            return codePointIndex(text, text.indexOf(string(a, name)));
          };
      case "count" -> a -> count(text, string(a, name));
      case "join" -> a -> join(text, Operators.iterate(a.bindAtLeast(1, name, "iterable")[0]));
      case "format" -> a -> format(text, a);
      case "zfill" -> a -> zfill(text, (Long) a.bindAtLeast(1, name, "width")[0]);
      case "isdigit", "isnumeric", "isdecimal" -> a -> all(text, Character::isDigit);
      case "isalpha" -> a -> all(text, Character::isLetter);
      case "isalnum" -> a -> all(text, Character::isLetterOrDigit);
      case "isspace" -> a -> all(text, PythonText::isSpace);
      case "isupper" -> a -> isUpper(text);
      case "islower" -> a -> isLower(text);
      default -> null;
    };
  }

  static boolean isUpper(String text) {
    return text.equals(text.toUpperCase(Locale.ROOT))
        && !text.equals(text.toLowerCase(Locale.ROOT));
  }

  static boolean isLower(String text) {
    return text.equals(text.toLowerCase(Locale.ROOT))
        && !text.equals(text.toUpperCase(Locale.ROOT));
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.offsetByCodePoints(0, 1);
    return text.substring(0, first).toUpperCase(Locale.ROOT)
        + text.substring(first).toLowerCase(Locale.ROOT);
  }

  private static String title(String text) {
    StringBuilder out = new StringBuilder();
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      out.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
      inWord = Character.isLetter(c);
    }
    return out.toString();
  }

  /** Replaces the first {@code count} occurrences, all if negative. */
  static String replace(String text, String old, String replacement, long count) {
    if (count < 0) {
      return text.replace(old, replacement);
    }
    StringBuilder out = new StringBuilder();
    int from = 0;
    for (long i = 0; i < count; i++) {
      int at = text.indexOf(old, from);
      if (at < 0 || (old.isEmpty() && at == text.length() && i > 0)) {
        break;
      }
      out.append(text, from, at).append(replacement);
      from = at + old.length();
      if (old.isEmpty() && at < text.length()) {
        out.append(text.charAt(at));
        from = at + 1;
      }
    }
    return out.append(text.substring(from)).toString();
  }

  static String join(String separator, List<Object> items) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < items.size(); i++) {
      if (!(items.get(i) instanceof String item)) {
        throw new TemplateException(
            "sequence item "
                + i
                + ": expected str instance, "
                + PythonText.typeName(items.get(i))
                + " found");
      }
      out.append(i == 0 ? "" : separator).append(item);
    }
    return out.toString();
  }

  private static List<Object> split(String text, Arguments arguments, boolean fromRight) {
    Object[] a = arguments.bind("split", "sep", "maxsplit");
    long limit = a[1] == null ? -1 : (Long) a[1];
    List<Object> parts =
        a[0] == null ? words(text, limit, fromRight) : pieces(text, string(a[0]), limit, fromRight);
    if (fromRight) {
      Collections.reverse(parts);
    }
    return parts;
  }

  private static List<Object> pieces(String text, String separator, long limit, boolean fromRight) {
    if (separator.isEmpty()) {
      throw new TemplateException("empty separator");
    }
    List<Object> parts = new ArrayList<>();
    String rest = text;
    while (limit < 0 || parts.size() < limit) {
      int at = fromRight ? rest.lastIndexOf(separator) : rest.indexOf(separator);
      if (at < 0) {
        break;
      }
      parts.add(fromRight ? rest.substring(at + separator.length()) : rest.substring(0, at));
      rest = fromRight ? rest.substring(0, at) : rest.substring(at + separator.length());
    }
    parts.add(rest);
    return parts;
  }

  private static List<Object> words(String text, long limit, boolean fromRight) {
    List<Object> parts = new ArrayList<>();
    String rest = PythonText.strip(text, null, !fromRight, fromRight);
    while (!rest.isEmpty()) {
      int at = fromRight ? lastSpace(rest) : firstSpace(rest);
      if (at < 0 || (limit >= 0 && parts.size() == limit)) {
        parts.add(rest);
        break;
      }
      parts.add(fromRight ? rest.substring(at + 1) : rest.substring(0, at));
      rest =
          PythonText.strip(
              fromRight ? rest.substring(0, at) : rest.substring(at), null, !fromRight, fromRight);
    }
    return parts;
  }

  private static int firstSpace(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (PythonText.isSpace(text.charAt(i))) {
        return i;
      }
    }
    return -1;
  }

  private static int lastSpace(String text) {
    for (int i = text.length() - 1; i >= 0; i--) {
      if (PythonText.isSpace(text.charAt(i))) {
        return i;
      }
    }
    return -1;
  }

  private static List<Object> splitLines(String text, Arguments arguments) {
    boolean keepEnds = Operators.truth(arguments.bind("splitlines", "keepends")[0]);
    List<Object> lines = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      if ("\n\r\u000B\f\u001C\u001D\u001E\u0085\u2028\u2029".indexOf(text.charAt(i)) >= 0) {
        int end = text.startsWith("\r\n", i) ? i + 2 : i + 1;
        lines.add(text.substring(start, keepEnds ? end : i));
        start = end;
        i = end - 1;
      }
    }
    if (start < text.length()) {
      lines.add(text.substring(start));
    }
    return lines;
  }

  private static Tuple partition(String text, String separator, int at, boolean fromRight) {
    if (at < 0) {
      return fromRight ? Tuple.of("", "", text) : Tuple.of(text, "", "");
    }
    return Tuple.of(text.substring(0, at), separator, text.substring(at + separator.length()));
  }

  private static boolean anyAffix(
      Arguments arguments, String name, java.util.function.Predicate<String> holds) {
    Object affix = arguments.bindAtLeast(1, name, "affix")[0];
    return affix instanceof List<?> several
        ? several.stream().anyMatch(one -> holds.test(string(one)))
        : holds.test(string(affix));
  }

  private static long count(String text, String part) {
    if (part.isEmpty()) {
      return text.codePointCount(0, text.length()) + 1L;
    }
    long count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }

  private static long codePointIndex(String text, int index) {
    return index < 0 ? -1 : text.codePointCount(0, index);
  }

  private static String zfill(String text, long width) {
    boolean signed = text.startsWith("-") || text.startsWith("+");
    String sign = signed ? text.substring(0, 1) : "";
    String digits = text.substring(sign.length());
    return sign + "0".repeat((int) Math.max(0, Math.min(width, 10_000) - text.length())) + digits;
  }

  /** {@code str.format} with {@code {}}, {@code {0}} and {@code {name}}. */
  private static String format(String format, Arguments arguments) {
    StringBuilder out = new StringBuilder();
    int next = 0;
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if ((c == '{' || c == '}') && i + 1 < format.length() && format.charAt(i + 1) == c) {
        out.append(c);
        i++;
      } else if (c == '{') {
        int end = format.indexOf('}', i);
        if (end < 0) {
          throw new TemplateException("expected '}' before end of string");
        }
        String field = format.substring(i + 1, end);
        out.append(
            PythonText.str(field(field.isEmpty() ? String.valueOf(next++) : field, arguments)));
        i = end;
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  private static Object field(String field, Arguments arguments) {
    if (field.matches("\\d{1,4}")) {
      int index = Integer.parseInt(field);
      if (index >= arguments.positional().size()) {
        throw new TemplateException(
            "replacement index " + index + " out of range for positional arguments");
      }
      return arguments.positional().get(index);
    }
    if (!arguments.named().containsKey(field)) {
      throw new TemplateException(
          "format field '{" + field + "}' is not an argument; {}, {0} and {name} are supported");
    }
    return arguments.named().get(field);
  }

  private static boolean all(String text, IntPredicate holds) {
    return !text.isEmpty() && text.codePoints().allMatch(holds);
  }

  private static String characters(Arguments arguments, String method) {
    Object characters = arguments.bind(method, "chars")[0];
    return characters == null ? null : string(characters);
  }

  private static String string(Arguments arguments, String method) {
    return string(arguments.bindAtLeast(1, method, "value")[0]);
  }

  private static String string(Object value) {
    if (value instanceof String text) {
      return text;
    }
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    throw new TemplateException("expected a str, found " + PythonText.typeName(value));
  }
}
