package org.rlkd.core.chat.jinja;

import java.util.List;

/** What {@code set} and {@code for} assign to. */
sealed interface Target {

  void assign(Scope scope, Object value);

  record Variable(String name) implements Target {
    @Override
    public void assign(Scope scope, Object value) {
      scope.set(name, value);
    }
  }

  /** {@code ns.attribute} of a {@link Namespace}. */
  record NamespaceAttribute(String namespace, String attribute) implements Target {
    @Override
    public void assign(Scope scope, Object value) {
      Object object = scope.get(namespace);
      if (object instanceof Namespace target) {
        target.attributes().put(attribute, value);
      } else {
        throw new TemplateException(
            "cannot assign attribute on non-namespace object '" + namespace + "'");
      }
    }
  }

  /** {@code a, b}. */
  record Unpacking(List<Target> targets) implements Target {
    @Override
    public void assign(Scope scope, Object value) {
      List<Object> values = Operators.iterate(value);
      if (values.size() != targets.size()) {
        throw new TemplateException(
            "expected " + targets.size() + " values to unpack, found " + values.size());
      }
      for (int i = 0; i < targets.size(); i++) {
        targets.get(i).assign(scope, values.get(i));
      }
    }
  }
}
