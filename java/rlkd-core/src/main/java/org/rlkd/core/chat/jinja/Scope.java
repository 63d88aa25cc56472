package org.rlkd.core.chat.jinja;

import java.util.HashMap;
import java.util.Map;

/**
 * Variables of a template, loop body, macro or block; looks outwards for what it does not have, and
 * sets only its own.
 */
final class Scope {

  private final Scope outer;
  private final Map<String, Object> variables;

  private Scope(Scope outer, Map<String, Object> variables) {
    this.outer = outer;
    this.variables = variables;
  }

  static Scope root(Map<String, ?> variables) {
    return new Scope(null, new HashMap<>(variables));
  }

  Scope inner() {
    return new Scope(this, new HashMap<>());
  }

  Object get(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      Object value = scope.variables.get(name);
      if (value != null || scope.variables.containsKey(name)) {
        return value;
      }
    }
    return Undefined.name(name);
  }

  void set(String name, Object value) {
    variables.put(name, value);
  }
}
