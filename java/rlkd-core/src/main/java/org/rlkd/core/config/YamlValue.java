package org.rlkd.core.config;

import java.util.List;
import java.util.stream.Collectors;

/** A value of a configuration with the line on which it stands. */
sealed interface YamlValue {

  /** Line of the file from 1, or 0 for a value that is not from a file. */
  int line();

  /** The value on one line, shortened, for messages. */
  String describe();

  /**
   * A scalar.
   *
   * @param text as written, without quotes
   * @param plain written without quotes
   */
  record Scalar(String text, boolean plain, int line) implements YamlValue {

    boolean isNull() {
      return plain && (text.isEmpty() || text.equals("~") || text.equalsIgnoreCase("null"));
    }

    @Override
    public String describe() {
      String oneLine = text.replaceAll("\\s+", " ");
      String shown = oneLine.length() > 60 ? oneLine.substring(0, 57) + "..." : oneLine;
      return isNull() ? "null" : "'" + shown + "'";
    }
  }

  record Sequence(List<YamlValue> items, int line) implements YamlValue {
    @Override
    public String describe() {
      return items.stream().map(YamlValue::describe).collect(Collectors.joining(", ", "[", "]"));
    }
  }

  record Mapping(List<Entry> entries, int line) implements YamlValue {
    @Override
    public String describe() {
      return entries.stream()
          .map(entry -> entry.key() + ": " + entry.value().describe())
          .collect(Collectors.joining(", ", "{", "}"));
    }
  }

  /** A key of a mapping; the line is the key's. */
  record Entry(String key, YamlValue value, int line) {}
}
