package org.rlkd.core.chat.jinja;

import java.util.List;
import java.util.Objects;

/** The {@code loop} variable. */
final class Loop {

  private final List<Object> items;
  private int index;
  private List<Object> lastChanged;

  Loop(List<Object> items) {
    this.items = items;
  }

  void moveTo(int newIndex) {
    index = newIndex;
  }

  Object attribute(String name) {
    int size = items.size();
    return switch (name) {
      case "index" -> index + 1L;
      case "index0" -> (long) index;
      case "revindex" -> (long) (size - index);
      case "revindex0" -> size - index - 1L;
      case "first" -> index == 0;
      case "last" -> index == size - 1;
      case "length" -> (long) size;
      case "depth" -> 1L;
      case "depth0" -> 0L;
      case "previtem" ->
          index > 0 ? items.get(index - 1) : new Undefined("there is no previous item");
      case "nextitem" ->
          index + 1 < size ? items.get(index + 1) : new Undefined("there is no next item");
      case "cycle" -> (Callable) this::cycle;
      case "changed" -> (Callable) this::changed;
      default -> new Undefined("'loop' has no attribute '" + name + "'");
    };
  }

  private Object cycle(Arguments arguments) {
    List<Object> values = arguments.positional();
    if (values.isEmpty()) {
      throw new TemplateException("no items for cycling given");
    }
    return values.get(index % values.size());
  }

  private Object changed(Arguments arguments) {
    boolean changed = !Objects.equals(lastChanged, arguments.positional());
    lastChanged = arguments.positional();
    return changed;
  }
}
