package org.rlkd.core.chat.jinja;

import java.util.LinkedHashMap;
import java.util.Map;

/** The object of {@code namespace(...)}: attributes that a loop's body may set. */
record Namespace(Map<String, Object> attributes) {

  Namespace {
    attributes = new LinkedHashMap<>(attributes);
  }
}
