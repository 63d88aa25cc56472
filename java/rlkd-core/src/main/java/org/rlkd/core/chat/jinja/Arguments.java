package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Evaluated arguments of a call. */
record Arguments(List<Object> positional, Map<String, Object> named) {

  static final Arguments NONE = new Arguments(List.of(), Map.of());

  Arguments {
    positional = Collections.unmodifiableList(new ArrayList<>(positional));
    named = Collections.unmodifiableMap(new LinkedHashMap<>(named));
  }

  static Arguments of(Object... positional) {
    return new Arguments(java.util.Arrays.asList(positional), Map.of());
  }

  /** The positional arguments from an index on, with the named ones. */
  Arguments from(int index) {
    return new Arguments(
        positional.subList(Math.min(index, positional.size()), positional.size()), named);
  }

  /**
   * Matches the arguments to parameter names.
   *
   * @return one value for each parameter; null where it was not given (or given as none)
   */
  Object[] bind(String function, String... parameters) {
    if (positional.size() > parameters.length) {
      throw new TemplateException(
          function
              + "() takes at most "
              + parameters.length
              + " arguments ("
              + positional.size()
              + " given)");
    }
    Object[] values = new Object[parameters.length];
    for (int i = 0; i < positional.size(); i++) {
      values[i] = positional.get(i);
    }
    for (Map.Entry<String, Object> entry : named.entrySet()) {
      int index = List.of(parameters).indexOf(entry.getKey());
      if (index < 0) {
        throw new TemplateException(
            function + "() got an unexpected keyword argument '" + entry.getKey() + "'");
      }
      if (index < positional.size()) {
        throw new TemplateException(
            function + "() got multiple values for argument '" + entry.getKey() + "'");
      }
      values[index] = entry.getValue();
    }
    return values;
  }

  /** As {@link #bind}, and the first {@code required} values must be given. */
  Object[] bindAtLeast(int required, String function, String... parameters) {
    Object[] values = bind(function, parameters);
    for (int i = positional.size(); i < required; i++) {
      if (!named.containsKey(parameters[i])) {
        throw new TemplateException(
            function + "() missing required argument '" + parameters[i] + "'");
      }
    }
    return values;
  }
}
