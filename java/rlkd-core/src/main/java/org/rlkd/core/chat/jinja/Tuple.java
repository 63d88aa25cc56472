package org.rlkd.core.chat.jinja;

import java.util.AbstractList;
import java.util.List;

/** A Python tuple: a list that cannot change and prints with parentheses. */
final class Tuple extends AbstractList<Object> {

  private final Object[] items;

  private Tuple(Object[] items) {
    this.items = items;
  }

  static Tuple of(Object... items) {
    return new Tuple(items.clone());
  }

  static Tuple of(List<Object> items) {
    return new Tuple(items.toArray());
  }

  @Override
  public Object get(int index) {
    return items[index];
  }

  @Override
  public int size() {
    return items.length;
  }
}
