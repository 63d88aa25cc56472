package org.rlkd.core.config;

import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** What becomes of a key. */
public sealed interface Standing {

  /**
   * The key does what TRL documents, but for a difference that is named.
   *
   * @param expected its values: "an integer of at least 1"
   * @param defaultValue what holds where it is not given
   * @param difference from TRL; empty: none
   */
  record Acts(String expected, String defaultValue, Optional<String> difference)
      implements Standing {}

  /**
   * The key has no meaning here whatever its value, and training is the same without it.
   *
   * @param reason why
   */
  record NotApplicable(String reason) implements Standing {}

  /**
   * The key would change the result and is not implemented: only values that leave it off are
   * accepted.
   *
   * @param reason what is missing, and what to do
   * @param accepted values that leave it off, lower case
   */
  record Refused(String reason, Set<String> accepted) implements Standing {

    boolean accepts(YamlValue value) {
      if (value instanceof YamlValue.Sequence sequence) {
        return sequence.items().stream().allMatch(this::accepts);
      }
      if (value instanceof YamlValue.Mapping mapping) {
        return mapping.entries().isEmpty();
      }
      YamlValue.Scalar scalar = (YamlValue.Scalar) value;
      String text = scalar.isNull() ? "null" : scalar.text().toLowerCase(Locale.ROOT);
      return accepted.stream().anyMatch(other -> same(other, text));
    }

    private static boolean same(String accepted, String text) {
      Optional<Double> a = ValueType.finite(accepted);
      Optional<Double> b = ValueType.finite(text);
      return a.isPresent() && b.isPresent() ? a.get().equals(b.get()) : accepted.equals(text);
    }
  }
}
