package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code object.name}, {@code object[key]} and {@code object[a:b:c]}, as Jinja looks them up. */
final class Attributes {

  private Attributes() {}

  /** A method or attribute first, then an item. */
  static Object attribute(Object object, String name) {
    if (object instanceof Undefined undefined) {
      throw undefined.error();
    }
    Object method = method(object, name);
    if (method != null) {
      return method;
    }
    if (object instanceof Map<?, ?> map && map.containsKey(name)) {
      return map.get(name);
    }
    if (object instanceof Loop loop) {
      return loop.attribute(name);
    }
    if (object instanceof Namespace namespace && namespace.attributes().containsKey(name)) {
      return namespace.attributes().get(name);
    }
    return missing(object, name);
  }

  /** An item first, then, for a text key, an attribute. */
  static Object item(Object object, Object key) {
    if (object instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (object instanceof Map<?, ?> map && map.containsKey(key)) {
      return map.get(key);
    }
    Object number = Operators.number(key);
    if (number instanceof Long index) {
      if (object instanceof List<?> list) {
        long at = index < 0 ? index + list.size() : index;
        return at >= 0 && at < list.size() ? list.get((int) at) : missing(object, key);
      }
      if (object instanceof String text) {
        int length = text.codePointCount(0, text.length());
        long at = index < 0 ? index + length : index;
        return at >= 0 && at < length
            ? Character.toString(text.codePointAt(text.offsetByCodePoints(0, (int) at)))
            : missing(object, key);
      }
    }
    return key instanceof String name ? attribute(object, name) : missing(object, key);
  }

  static Object slice(Object object, Object start, Object stop, Object step) {
    if (object instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (!(object instanceof String) && !(object instanceof List)) {
      throw new TemplateException(
          "'" + PythonText.typeName(object) + "' object is not subscriptable");
    }
    List<Object> items = Operators.iterate(object);
    long stride = step == null ? 1 : whole(step);
    if (stride == 0) {
      throw new TemplateException("slice step cannot be zero");
    }
    long size = items.size();
    long low = stride > 0 ? 0 : -1;
    long high = stride > 0 ? size : size - 1;
    long from = start == null ? (stride > 0 ? low : high) : clamp(whole(start), size, low, high);
    long to = stop == null ? (stride > 0 ? high : low) : clamp(whole(stop), size, low, high);
    List<Object> taken = new ArrayList<>();
    for (long i = from; stride > 0 ? i < to : i > to; i += stride) {
      taken.add(items.get((int) i));
    }
    if (object instanceof String) {
      StringBuilder text = new StringBuilder();
      taken.forEach(text::append);
      return text.toString();
    }
    return object instanceof Tuple ? Tuple.of(taken) : taken;
  }

  private static long clamp(long index, long size, long low, long high) {
    return Math.max(low, Math.min(high, index < 0 ? index + size : index));
  }

  private static long whole(Object value) {
    if (Operators.number(value) instanceof Long n) {
      return n;
    }
    throw new TemplateException(
        "slice indices must be integers or none, not " + PythonText.typeName(value));
  }

  private static Undefined missing(Object object, Object key) {
    String type = object == null ? "None" : PythonText.typeName(object) + " object";
    return new Undefined(
        key instanceof String
            ? "'" + type + "' has no attribute '" + key + "'"
            : type + " has no element " + PythonText.repr(key));
  }

  private static Callable method(Object object, String name) {
    if (object instanceof String text) {
      return StringMethods.method(text, name);
    }
    if (object instanceof Map<?, ?> map) {
      return dictMethod(map, name);
    }
    if (object instanceof List<?> list) {
      return listMethod(list, name);
    }
    return null;
  }

  private static Callable dictMethod(Map<?, ?> map, String name) {
    return switch (name) {
      case "get" ->
          arguments -> {
            Object[] a = arguments.bindAtLeast(1, "get", "key", "default");
            return map.containsKey(a[0]) ? map.get(a[0]) : a[1];
          };
      case "keys" -> arguments -> new ArrayList<Object>(map.keySet());
      case "values" -> arguments -> new ArrayList<Object>(map.values());
      case "items" -> arguments -> items(map);
      case "copy" -> arguments -> new LinkedHashMap<Object, Object>(map);
      case "clear", "pop", "popitem", "setdefault", "update" -> unsafe("dict", name);
      default -> null;
    };
  }

  static List<Object> items(Map<?, ?> map) {
    List<Object> items = new ArrayList<>();
    map.forEach((key, value) -> items.add(Tuple.of(key, value)));
    return items;
  }

  private static Callable listMethod(List<?> list, String name) {
    return switch (name) {
      case "copy" -> arguments -> new ArrayList<Object>(list);
      case "count" ->
          arguments -> {
            Object wanted = arguments.bindAtLeast(1, "count", "value")[0];
            return list.stream().filter(item -> Operators.equal(item, wanted)).count();
          };
      case "index" ->
          arguments -> {
            Object wanted = arguments.bindAtLeast(1, "index", "value")[0];
            for (int i = 0; i < list.size(); i++) {
              if (Operators.equal(list.get(i), wanted)) {
                return (long) i;
              }
            }
            throw new TemplateException(PythonText.repr(wanted) + " is not in list");
          };
      case "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort" ->
          unsafe("list", name);
      default -> null;
    };
  }

  /** transformers' sandbox forbids methods that change their object. */
  private static Callable unsafe(String type, String name) {
    return arguments -> {
      throw new TemplateException(
          "access to attribute '"
              + name
              + "' of '"
              + type
              + "' object is unsafe: it would change the object");
    };
  }
}
