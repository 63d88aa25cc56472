package org.rlkd.core.chat.jinja;

import java.time.Clock;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Functions that every template has. */
final class Globals {

  /** As Jinja's sandbox. */
  private static final long MAX_RANGE = 100_000;

  private Globals() {}

  static Map<String, Callable> all(Clock clock) {
    return Map.of(
        "range", Globals::range,
        "namespace", Globals::namespace,
        "dict", arguments -> new LinkedHashMap<Object, Object>(namespace(arguments).attributes()),
        "raise_exception", Globals::raise,
        "strftime_now", arguments -> strftime(arguments, clock));
  }

  private static List<Object> range(Arguments arguments) {
    List<Object> a = arguments.positional();
    if (a.isEmpty() || a.size() > 3 || !a.stream().allMatch(Long.class::isInstance)) {
      throw new TemplateException("range() takes 1 to 3 integers");
    }
    long start = a.size() > 1 ? (Long) a.get(0) : 0;
    long stop = (Long) a.get(a.size() > 1 ? 1 : 0);
    long step = a.size() > 2 ? (Long) a.get(2) : 1;
    if (step == 0) {
      throw new TemplateException("range() arg 3 must not be zero");
    }
    List<Object> numbers = new ArrayList<>();
    for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
      if (numbers.size() == MAX_RANGE) {
        throw new TemplateException(
            "Range too big. The sandbox blocks ranges larger than " + MAX_RANGE + ".");
      }
      numbers.add(i);
    }
    return numbers;
  }

  private static Namespace namespace(Arguments arguments) {
    Map<String, Object> attributes = new LinkedHashMap<>();
    for (Object initial : arguments.positional()) {
      if (!(initial instanceof Map<?, ?> map)) {
        throw new TemplateException("namespace() takes a mapping or keywords");
      }
      map.forEach((key, value) -> attributes.put(PythonText.str(key), value));
    }
    attributes.putAll(arguments.named());
    return new Namespace(attributes);
  }

  private static Object raise(Arguments arguments) {
    throw new TemplateException(
        PythonText.str(arguments.bindAtLeast(1, "raise_exception", "message")[0]));
  }

  private static String strftime(Arguments arguments, Clock clock) {
    String format = PythonText.str(arguments.bindAtLeast(1, "strftime_now", "format")[0]);
    LocalDateTime now = LocalDateTime.now(clock);
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      boolean unpadded = format.charAt(i + 1) == '-' && i + 2 < format.length();
      i += unpadded ? 2 : 1;
      if (format.charAt(i) == '%') {
        out.append('%');
        continue;
      }
      String text =
          now.format(DateTimeFormatter.ofPattern(pattern(format.charAt(i)), Locale.ENGLISH));
      out.append(unpadded ? text.replaceFirst("^0+(?=\\d)", "") : text);
    }
    return out.toString();
  }

  private static String pattern(char directive) {
    return switch (directive) {
      case 'd' -> "dd";
      case 'm' -> "MM";
      case 'Y' -> "yyyy";
      case 'y' -> "yy";
      case 'b', 'h' -> "MMM";
      case 'B' -> "MMMM";
      case 'a' -> "EEE";
      case 'A' -> "EEEE";
      case 'H' -> "HH";
      case 'I' -> "hh";
      case 'M' -> "mm";
      case 'S' -> "ss";
      case 'p' -> "a";
      case 'j' -> "DDD";
      case 'F' -> "yyyy-MM-dd";
      case 'T' -> "HH:mm:ss";
      default ->
          throw new TemplateException(
              "strftime_now: directive %" + directive + " is not supported");
    };
  }
}
