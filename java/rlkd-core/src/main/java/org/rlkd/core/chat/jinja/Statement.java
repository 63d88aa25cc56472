package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A statement of a template. */
sealed interface Statement {

  /** What a statement means for the loop around it. */
  enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  int line();

  Flow execute(Scope scope, Output out);

  static Flow executeAll(List<Statement> body, Scope scope, Output out) {
    for (Statement statement : body) {
      try {
        Flow flow = statement.execute(scope, out);
        if (flow != Flow.NEXT) {
          return flow;
        }
      } catch (TemplateException e) {
        throw e.at(statement.line());
      }
    }
    return Flow.NEXT;
  }

  /** The text that a body renders. */
  static String capture(List<Statement> body, Scope scope) {
    Output captured = Output.captured();
    executeAll(body, scope, captured);
    return captured.text();
  }

  record Text(String text, int line) implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      out.append(text);
      return Flow.NEXT;
    }
  }

  record Print(Expression expression, int line) implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      out.append(PythonText.str(expression.evaluate(scope)));
      return Flow.NEXT;
    }
  }

  record Branch(Expression test, List<Statement> body) {}

  record If(List<Branch> branches, List<Statement> otherwise, int line) implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      for (Branch branch : branches) {
        if (Operators.truth(branch.test().evaluate(scope))) {
          return executeAll(branch.body(), scope, out);
        }
      }
      return executeAll(otherwise, scope, out);
    }
  }

  /** The condition may be null. */
  record For(
      Target target,
      Expression iterable,
      Expression condition,
      List<Statement> body,
      List<Statement> otherwise,
      int line)
      implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      List<Object> items = Operators.iterate(iterable.evaluate(scope));
      if (condition != null) {
        items = selected(items, scope);
      }
      if (items.isEmpty()) {
        return executeAll(otherwise, scope.inner(), out);
      }
      Loop loop = new Loop(items);
      for (int i = 0; i < items.size(); i++) {
        loop.moveTo(i);
        Scope inner = scope.inner();
        inner.set("loop", loop);
        target.assign(inner, items.get(i));
        if (executeAll(body, inner, out) == Flow.BREAK) {
          break;
        }
      }
      return Flow.NEXT;
    }

    private List<Object> selected(List<Object> items, Scope scope) {
      List<Object> kept = new ArrayList<>();
      for (Object item : items) {
        Scope inner = scope.inner();
        target.assign(inner, item);
        if (Operators.truth(condition.evaluate(inner))) {
          kept.add(item);
        }
      }
      return kept;
    }
  }

  record Set(Target target, Expression value, int line) implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      target.assign(scope, value.evaluate(scope));
      return Flow.NEXT;
    }
  }

  /** {@code {% set x %}...{% endset %}}; the filter, over {@link #CAPTURED}, may be null. */
  record SetBlock(Target target, Expression filter, List<Statement> body, int line)
      implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      target.assign(scope, filtered(filter, capture(body, scope.inner()), scope));
      return Flow.NEXT;
    }
  }

  record FilterBlock(Expression filter, List<Statement> body, int line) implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      out.append(PythonText.str(filtered(filter, capture(body, scope.inner()), scope)));
      return Flow.NEXT;
    }
  }

  /** Name, not writable in a template, under which a block's text reaches its filter. */
  String CAPTURED = " captured";

  private static Object filtered(Expression filter, String text, Scope scope) {
    if (filter == null) {
      return text;
    }
    Scope inner = scope.inner();
    inner.set(CAPTURED, text);
    return filter.evaluate(inner);
  }

  /** A default is null where there is none. */
  record Parameter(String name, Expression defaultValue) {}

  record DefineMacro(String name, List<Parameter> parameters, List<Statement> body, int line)
      implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      scope.set(name, new Macro(name, parameters, body, scope));
      return Flow.NEXT;
    }
  }

  /** {@code {% call(parameters) macro(...) %}body{% endcall %}}. */
  record CallBlock(List<Parameter> parameters, Expression.Call call, List<Statement> body, int line)
      implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      Scope inner = scope.inner();
      Object function = call.function().evaluate(scope);
      if (!(function instanceof Macro macro)) {
        throw new TemplateException(
            "call block: expected a macro, found " + PythonText.typeName(function));
      }
      Macro caller = new Macro("caller", parameters, body, inner);
      out.append(macro.call(call.arguments().evaluate(scope), caller));
      return Flow.NEXT;
    }
  }

  record With(Map<Target, Expression> assignments, List<Statement> body, int line)
      implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      Scope inner = scope.inner();
      assignments.forEach((target, value) -> target.assign(inner, value.evaluate(scope)));
      return executeAll(body, inner, out);
    }
  }

  /** {@code {% generation %}}: text that the assistant wrote (transformers' mask for training). */
  record Generation(List<Statement> body, int line) implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      int start = out.length();
      Flow flow = executeAll(body, scope.inner(), out);
      out.markGenerated(start);
      return flow;
    }
  }

  record Break(int line) implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      return Flow.BREAK;
    }
  }

  record Continue(int line) implements Statement {
    @Override
    public Flow execute(Scope scope, Output out) {
      return Flow.CONTINUE;
    }
  }
}
