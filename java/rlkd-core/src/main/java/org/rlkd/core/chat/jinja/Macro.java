package org.rlkd.core.chat.jinja;

import java.util.List;

/** A macro with the scope in which it was defined. */
record Macro(
    String name, List<Statement.Parameter> parameters, List<Statement> body, Scope definition)
    implements Callable {

  @Override
  public Object call(Arguments arguments) {
    return call(arguments, Undefined.name("caller"));
  }

  String call(Arguments arguments, Object caller) {
    String[] names = parameters.stream().map(Statement.Parameter::name).toArray(String[]::new);
    Object[] values = arguments.bind(name, names);
    Scope scope = definition.inner();
    scope.set("caller", caller);
    for (int i = 0; i < names.length; i++) {
      boolean given = i < arguments.positional().size() || arguments.named().containsKey(names[i]);
      Statement.Parameter parameter = parameters.get(i);
      scope.set(
          names[i],
          given
              ? values[i]
              : parameter.defaultValue() == null
                  ? new Undefined("parameter '" + names[i] + "' was not provided")
                  : parameter.defaultValue().evaluate(scope));
    }
    return Statement.capture(body, scope);
  }
}
