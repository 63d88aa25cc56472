package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rlkd.core.chat.jinja.Expression.CallArguments;

/** Turns tokens into expressions, with Jinja's precedences; holds the place in the token list. */
final class ExpressionParser {

  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final List<Token> tokens;
  private int position;

  ExpressionParser(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(position);
  }

  private Token following() {
    return tokens.get(Math.min(position + 1, tokens.size() - 1));
  }

  Token next() {
    Token token = current();
    position = Math.min(position + 1, tokens.size() - 1);
    return token;
  }

  Token expect(Token.Kind kind) {
    if (!current().is(kind)) {
      throw unexpected(
          "expected "
              + new Token(kind, kind.name().toLowerCase(java.util.Locale.ROOT), 0).describe());
    }
    return next();
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw unexpected("expected '" + operator + "'");
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw unexpected("expected '" + name + "'");
    }
  }

  boolean skipOperator(String operator) {
    boolean here = current().isOperator(operator);
    if (here) {
      next();
    }
    return here;
  }

  boolean skipName(String name) {
    boolean here = current().isName(name);
    if (here) {
      next();
    }
    return here;
  }

  private TemplateException unexpected(String expected) {
    return new TemplateException(expected + ", found " + current().describe(), current().line());
  }

  /** An expression, or several with commas between, which make a tuple. */
  Expression tuple() {
    return tuple(true, false);
  }

  Expression tupleWithoutConditional() {
    return tuple(false, false);
  }

  private Expression tuple(boolean withConditional, boolean inParentheses) {
    List<Expression> items = new ArrayList<>();
    boolean isTuple = false;
    while (!tupleEnds()) {
      items.add(withConditional ? expression() : or());
      if (!skipOperator(",")) {
        break;
      }
      isTuple = true;
    }
    if (!isTuple && items.size() == 1) {
      return items.get(0);
    }
    if (!isTuple && !inParentheses) {
      throw unexpected("expected an expression");
    }
    return new Expression.TupleLiteral(items);
  }

  private boolean tupleEnds() {
    Token token = current();
    return token.is(Token.Kind.VARIABLE_END)
        || token.is(Token.Kind.BLOCK_END)
        || token.isOperator(")");
  }

  /** Names to assign to; ends before {@code end} or the tag's end. */
  Target target(String end) {
    List<Target> targets = new ArrayList<>();
    boolean isTuple = false;
    while (!current().is(Token.Kind.BLOCK_END)
        && !current().text().equals(end)
        && !current().isOperator(")")) {
      targets.add(singleTarget());
      if (!skipOperator(",")) {
        break;
      }
      isTuple = true;
    }
    if (targets.isEmpty()) {
      throw unexpected("expected a name to assign to");
    }
    return isTuple ? new Target.Unpacking(targets) : targets.get(0);
  }

  private Target singleTarget() {
    if (skipOperator("(")) {
      Target inner = target(")");
      expectOperator(")");
      return inner;
    }
    String name = expect(Token.Kind.NAME).text();
    return skipOperator(".")
        ? new Target.NamespaceAttribute(name, expect(Token.Kind.NAME).text())
        : new Target.Variable(name);
  }

  Expression expression() {
    Expression value = or();
    while (skipName("if")) {
      Expression test = or();
      Expression otherwise = skipName("else") ? expression() : null;
      value = new Expression.Conditional(test, value, otherwise);
    }
    return value;
  }

  private Expression or() {
    Expression left = and();
    while (skipName("or")) {
      left = new Expression.Or(left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (skipName("and")) {
      left = new Expression.And(left, not());
    }
    return left;
  }

  private Expression not() {
    return skipName("not") ? new Expression.Not(not()) : comparison();
  }

  private Expression comparison() {
    Expression first = sum();
    List<String> operators = new ArrayList<>();
    List<Expression> others = new ArrayList<>();
    while (true) {
      if (current().is(Token.Kind.OPERATOR) && COMPARISONS.contains(current().text())) {
        operators.add(next().text());
      } else if (skipName("in")) {
        operators.add("in");
      } else if (current().isName("not") && following().isName("in")) {
        next();
        next();
        operators.add("notin");
      } else {
        break;
      }
      others.add(sum());
    }
    return operators.isEmpty() ? first : new Expression.Comparison(first, operators, others);
  }

  private Expression sum() {
    Expression left = concatenation();
    while (current().isOperator("+") || current().isOperator("-")) {
      left = new Expression.Arithmetic(next().text(), left, concatenation());
    }
    return left;
  }

  private Expression concatenation() {
    List<Expression> parts = new ArrayList<>(List.of(product()));
    while (skipOperator("~")) {
      parts.add(product());
    }
    return parts.size() == 1 ? parts.get(0) : new Expression.Concatenation(parts);
  }

  private Expression product() {
    Expression left = power();
    while (current().is(Token.Kind.OPERATOR)
        && Set.of("*", "/", "//", "%").contains(current().text())) {
      left = new Expression.Arithmetic(next().text(), left, power());
    }
    return left;
  }

  private Expression power() {
    Expression left = unary(true);
    while (skipOperator("**")) {
      left = new Expression.Arithmetic("**", left, unary(true));
    }
    return left;
  }

  private Expression unary(boolean withFilter) {
    Expression value;
    if (skipOperator("-")) {
      value = new Expression.Negative(unary(false));
    } else if (skipOperator("+")) {
      value = new Expression.Positive(unary(false));
    } else {
      value = primary();
    }
    value = postfix(value);
    return withFilter ? filtersAndTests(value) : value;
  }

  private Expression primary() {
    Token token = current();
    switch (token.kind()) {
      case NAME -> {
        next();
        return switch (token.text()) {
          case "true", "True" -> new Expression.Constant(true);
          case "false", "False" -> new Expression.Constant(false);
          case "none", "None" -> new Expression.Constant(null);
          default -> new Expression.Name(token.text());
        };
      }
      case STRING -> {
        StringBuilder text = new StringBuilder();
        while (current().is(Token.Kind.STRING)) {
          text.append(next().text());
        }
        return new Expression.Constant(text.toString());
      }
      case INTEGER -> {
        next();
        return new Expression.Constant(integer(token));
      }
      case FLOAT -> {
        next();
        return new Expression.Constant(Double.valueOf(token.text()));
      }
      default -> {
        if (skipOperator("(")) {
          Expression inner = tuple(true, true);
          expectOperator(")");
          return inner;
        }
        if (skipOperator("[")) {
          return new Expression.ListLiteral(listUntil("]"));
        }
        if (skipOperator("{")) {
          return dict();
        }
        throw unexpected("expected an expression");
      }
    }
  }

  private static Long integer(Token token) {
    String text = token.text();
    try {
      if (text.length() > 2 && "xXoObB".indexOf(text.charAt(1)) >= 0) {
        int radix =
            switch (Character.toLowerCase(text.charAt(1))) {
              case 'x' -> 16;
              case 'o' -> 8;
              default -> 2;
            };
        return Long.valueOf(text.substring(2), radix);
      }
      return Long.valueOf(text);
    } catch (NumberFormatException e) {
      throw new TemplateException("integer " + text + " is out of range", token.line());
    }
  }

  private List<Expression> listUntil(String end) {
    List<Expression> items = new ArrayList<>();
    while (!skipOperator(end)) {
      if (!items.isEmpty()) {
        expectOperator(",");
        if (skipOperator(end)) {
          break;
        }
      }
      items.add(expression());
    }
    return items;
  }

  private Expression dict() {
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!skipOperator("}")) {
      if (!keys.isEmpty()) {
        expectOperator(",");
        if (skipOperator("}")) {
          break;
        }
      }
      keys.add(expression());
      expectOperator(":");
      values.add(expression());
    }
    return new Expression.DictLiteral(keys, values);
  }

  private Expression postfix(Expression value) {
    Expression result = value;
    while (true) {
      if (skipOperator(".")) {
        result = dotted(result);
      } else if (skipOperator("[")) {
        result = subscript(result);
      } else if (current().isOperator("(")) {
        result = new Expression.Call(result, callArguments());
      } else {
        return result;
      }
    }
  }

  private Expression dotted(Expression object) {
    if (current().is(Token.Kind.INTEGER)) {
      return new Expression.Item(object, new Expression.Constant(integer(next())));
    }
    return new Expression.Attribute(object, expect(Token.Kind.NAME).text());
  }

  private Expression subscript(Expression object) {
    Expression start = sliceBound();
    if (start != null && skipOperator("]")) {
      return new Expression.Item(object, start);
    }
    expectOperator(":");
    Expression stop = sliceBound();
    Expression step = skipOperator(":") ? sliceBound() : null;
    expectOperator("]");
    return new Expression.Slice(object, start, stop, step);
  }

  private Expression sliceBound() {
    return current().isOperator(":") || current().isOperator("]") ? null : expression();
  }

  private CallArguments callArguments() {
    expectOperator("(");
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    Expression star = null;
    Expression doubleStar = null;
    boolean first = true;
    while (!skipOperator(")")) {
      if (!first) {
        expectOperator(",");
        if (skipOperator(")")) {
          break;
        }
      }
      first = false;
      if (skipOperator("*")) {
        star = expression();
      } else if (skipOperator("**")) {
        doubleStar = expression();
      } else if (current().is(Token.Kind.NAME) && following().isOperator("=")) {
        String name = next().text();
        next();
        named.put(name, expression());
      } else if (!named.isEmpty() || star != null || doubleStar != null) {
        throw unexpected("a positional argument cannot follow a named one");
      } else {
        positional.add(expression());
      }
    }
    return new CallArguments(positional, named, star, doubleStar);
  }

  private Expression filtersAndTests(Expression value) {
    Expression result = value;
    while (true) {
      if (skipOperator("|")) {
        result = filter(result);
      } else if (skipName("is")) {
        result = test(result);
      } else if (current().isOperator("(")) {
        result = new Expression.Call(result, callArguments());
      } else {
        return result;
      }
    }
  }

  private Expression filter(Expression input) {
    String name = dottedName();
    return new Expression.Filter(
        input, name, current().isOperator("(") ? callArguments() : CallArguments.NONE);
  }

  /**
   * The filters of a {@code filter} or {@code set} block, applied to the variable that holds its
   * text; null if there is none.
   *
   * @param startsInline whether the first filter stands without a bar
   */
  Expression blockFilter(String variable, boolean startsInline) {
    Expression input = new Expression.Name(variable);
    Expression result = startsInline ? filter(input) : input;
    while (skipOperator("|")) {
      result = filter(result);
    }
    return result == input ? null : result;
  }

  private Expression test(Expression input) {
    boolean negated = skipName("not");
    String name = dottedName();
    CallArguments arguments = CallArguments.NONE;
    if (current().isOperator("(")) {
      arguments = callArguments();
    } else if (startsTestArgument()) {
      if (current().isName("is")) {
        throw new TemplateException("You cannot chain multiple tests with is", current().line());
      }
      arguments = new CallArguments(List.of(postfix(primary())), Map.of(), null, null);
    }
    Expression test = new Expression.Test(input, name, arguments);
    return negated ? new Expression.Not(test) : test;
  }

  private boolean startsTestArgument() {
    Token token = current();
    return switch (token.kind()) {
      case NAME -> !Set.of("else", "or", "and").contains(token.text());
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> token.text().equals("[") || token.text().equals("{");
      default -> false;
    };
  }

  private String dottedName() {
    StringBuilder name = new StringBuilder(expect(Token.Kind.NAME).text());
    while (skipOperator(".")) {
      name.append('.').append(expect(Token.Kind.NAME).text());
    }
    return name.toString();
  }
}
