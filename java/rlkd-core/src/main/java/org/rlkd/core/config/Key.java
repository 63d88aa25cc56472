package org.rlkd.core.config;

import java.util.Locale;
import java.util.Optional;

/**
 * A key that acts.
 *
 * @param name with dots where it is nested ({@code rlkd.gsrm.judge})
 * @param defaultValue what holds where the key is not given
 */
record Key<T>(String name, ValueType<T> type, T defaultValue) {

  /** A key that may be null, and is where it is not given. */
  static <T> Key<Optional<T>> optional(String name, ValueType<T> type) {
    return new Key<>(name, type.orNull(), Optional.empty());
  }

  /** The default as it would be written in YAML. */
  String describeDefault() {
    Object value =
        defaultValue instanceof Optional<?> optional ? optional.orElse(null) : defaultValue;
    if (value instanceof Enum<?> constant) {
      return constant.name().toLowerCase(Locale.ROOT);
    }
    return value == null ? "null" : value.toString();
  }
}
