package org.rlkd.core.config;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.rlkd.core.text.NearestName;

/**
 * What a key's value must look like.
 *
 * @param expected for messages: "an integer of at least 1"
 * @param reader the value, or nothing if it is not of this type
 */
record ValueType<T>(String expected, Function<YamlValue, Optional<T>> reader) {

  private static final String ONE_OF = "one of ";

  static final ValueType<String> TEXT =
      scalar("text", scalar -> scalar.isNull() ? Optional.empty() : Optional.of(scalar.text()));

  static final ValueType<Boolean> FLAG =
      scalar(
          "true or false",
          scalar ->
              switch (scalar.text().toLowerCase(Locale.ROOT)) {
                case "true", "yes", "on" -> Optional.of(true);
                case "false", "no", "off" -> Optional.of(false);
                default -> Optional.empty();
              });

  /** A number of bytes in units of 1024s. */
  static final ValueType<Long> BYTES =
      scalar("a size such as 4GiB or 512MiB", scalar -> bytes(scalar.text()));

  static final ValueType<DeviceSpec> DEVICE =
      scalar(DeviceSpec.EXPECTED, scalar -> DeviceSpec.parse(scalar.text()));

  static ValueType<Integer> integer(int least) {
    return integer(least, Integer.MAX_VALUE);
  }

  static ValueType<Integer> integer(int least, int most) {
    String range =
        most == Integer.MAX_VALUE ? "of at least " + least : "from " + least + " to " + most;
    return scalar(
        "an integer " + range,
        scalar ->
            wholeNumber(scalar.text()).filter(n -> n >= least && n <= most).map(Math::toIntExact));
  }

  static ValueType<Long> longInteger(long least) {
    return scalar(
        "an integer of at least " + least,
        scalar -> wholeNumber(scalar.text()).filter(n -> n >= least));
  }

  /** A finite number for which the predicate holds. */
  static ValueType<Double> number(String range, Predicate<Double> allowed) {
    return scalar("a number " + range, scalar -> finite(scalar.text()).filter(allowed));
  }

  static ValueType<Double> number() {
    return scalar("a number", scalar -> finite(scalar.text()));
  }

  static ValueType<Double> atLeast(double least) {
    return number("of at least " + plain(least), n -> n >= least);
  }

  static ValueType<Double> above(double bound) {
    return number("above " + plain(bound), n -> n > bound);
  }

  /** A constant of an enum by its lower-case name. */
  static <E extends Enum<E>> ValueType<E> choice(Class<E> type) {
    String names =
        Arrays.stream(type.getEnumConstants())
            .map(constant -> constant.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining(", "));
    return scalar(
        ONE_OF + names,
        scalar ->
            Arrays.stream(type.getEnumConstants())
                .filter(constant -> constant.name().toLowerCase(Locale.ROOT).equals(scalar.text()))
                .findFirst());
  }

  /** A list; a single value counts as a list of one. */
  static <T> ValueType<List<T>> listOf(ValueType<T> item) {
    return new ValueType<>(
        "a list, each " + item.expected,
        value -> {
          List<YamlValue> items =
              value instanceof YamlValue.Sequence sequence ? sequence.items() : List.of(value);
          List<T> read = new ArrayList<>();
          for (YamlValue one : items) {
            Optional<T> element = item.reader.apply(one);
            if (element.isEmpty()) {
              return Optional.empty();
            }
            read.add(element.get());
          }
          return Optional.of(List.copyOf(read));
        });
  }

  /** A mapping of names to plain values: null, Boolean, Long, Double, String, List and Map. */
  static ValueType<Map<String, Object>> mapping() {
    return new ValueType<>(
        "a mapping (indented 'key: value' lines)",
        value ->
            value instanceof YamlValue.Mapping mapping
                ? Optional.of(plainMap(mapping))
                : Optional.empty());
  }

  /** "; did you mean 'x'?" where one of a few values was expected and another one nearly given. */
  String hint(YamlValue found) {
    return found instanceof YamlValue.Scalar scalar && expected.startsWith(ONE_OF)
        ? NearestName.hint(
            scalar.text(), List.of(expected.substring(ONE_OF.length()).split(", (or null)?")))
        : "";
  }

  /** The same type, with null for nothing. */
  ValueType<Optional<T>> orNull() {
    return new ValueType<>(
        expected + ", or null",
        value ->
            value instanceof YamlValue.Scalar scalar && scalar.isNull()
                ? Optional.of(Optional.empty())
                : reader.apply(value).map(Optional::of));
  }

  private static <T> ValueType<T> scalar(
      String expected, Function<YamlValue.Scalar, Optional<T>> reader) {
    return new ValueType<>(
        expected,
        value ->
            value instanceof YamlValue.Scalar scalar ? reader.apply(scalar) : Optional.empty());
  }

  static Optional<Long> wholeNumber(String text) {
    if (!text.matches("[-+]?(0|[1-9][0-9_]*)")) {
      return Optional.empty();
    }
    try {
      return Optional.of(Long.valueOf(text.replace("_", "")));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  static Optional<Double> finite(String text) {
    if (!text.matches("[-+]?(\\d[\\d_]*\\.?[\\d_]*|\\.\\d[\\d_]*)([eE][-+]?\\d+)?")) {
      return Optional.empty();
    }
    return Optional.of(Double.valueOf(text.replace("_", ""))).filter(n -> !n.isInfinite());
  }

  private static Optional<Long> bytes(String text) {
    Matcher size = Pattern.compile("(\\d{1,6}(?:\\.\\d{1,3})?) ?([KMGT])iB").matcher(text.strip());
    if (!size.matches()) {
      return Optional.empty();
    }
    int unit = 10 * (1 + "KMGT".indexOf(size.group(2)));
    return Optional.of((long) (Double.parseDouble(size.group(1)) * (1L << unit)))
        .filter(bytes -> bytes > 0);
  }

  private static Map<String, Object> plainMap(YamlValue.Mapping mapping) {
    Map<String, Object> map = new LinkedHashMap<>();
    mapping.entries().forEach(entry -> map.put(entry.key(), plainValue(entry.value())));
    return map;
  }

  private static Object plainValue(YamlValue value) {
    if (value instanceof YamlValue.Mapping mapping) {
      return plainMap(mapping);
    }
    if (value instanceof YamlValue.Sequence sequence) {
      List<Object> items = new ArrayList<>();
      sequence.items().forEach(item -> items.add(plainValue(item)));
      return items;
    }
    YamlValue.Scalar scalar = (YamlValue.Scalar) value;
    if (scalar.isNull()) {
      return null;
    }
    if (!scalar.plain()) {
      return scalar.text();
    }
    if (scalar.text().equalsIgnoreCase("true") || scalar.text().equalsIgnoreCase("false")) {
      return Boolean.valueOf(scalar.text());
    }
    Optional<? extends Object> number = wholeNumber(scalar.text());
    if (number.isEmpty()) {
      number = finite(scalar.text());
    }
    return number.isPresent() ? number.get() : scalar.text();
  }

  private static String plain(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
