package org.rlkd.core.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Turns tokens into statements (recursive descent, Jinja's own grammar). */
final class Parser {

  private final List<Token> tokens;
  private final ExpressionParser expressions;
  private boolean marksGeneration;
  private int loopDepth;

  Parser(List<Token> tokens) {
    this.tokens = tokens;
    this.expressions = new ExpressionParser(tokens);
  }

  boolean marksGeneration() {
    return marksGeneration;
  }

  List<Statement> template() {
    return body(Set.of(), null);
  }

  /** Statements up to a tag with one of the end names, whose name stays current. */
  private List<Statement> body(Set<String> ends, Token opening) {
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = expressions.next();
      switch (token.kind()) {
        case DATA -> statements.add(new Statement.Text(token.text(), token.line()));
        case VARIABLE_BEGIN -> {
          statements.add(new Statement.Print(expressions.tuple(), token.line()));
          expressions.expect(Token.Kind.VARIABLE_END);
        }
        case BLOCK_BEGIN -> {
          if (ends.contains(expressions.current().text())) {
            return statements;
          }
          statements.add(statement(expressions.expect(Token.Kind.NAME)));
          expressions.expect(Token.Kind.BLOCK_END);
        }
        default -> {
          if (opening != null) {
            throw new TemplateException(
                "the '" + opening.text() + "' block has no end; expected one of " + ends,
                opening.line());
          }
          return statements;
        }
      }
    }
  }

  /** Ends the opening tag, reads a body, and consumes the name of its end. */
  private List<Statement> block(Token opening, String end) {
    expressions.expect(Token.Kind.BLOCK_END);
    List<Statement> body = body(Set.of(end), opening);
    expressions.next();
    return body;
  }

  private Statement statement(Token name) {
    return switch (name.text()) {
      case "if" -> ifStatement(name);
      case "for" -> forStatement(name);
      case "set" -> setStatement(name);
      case "macro" -> macro(name);
      case "call" -> call(name);
      case "filter" -> filter(name);
      case "with" -> with(name);
      case "generation" -> {
        marksGeneration = true;
        yield new Statement.Generation(block(name, "endgeneration"), name.line());
      }
      case "break", "continue" -> {
        if (loopDepth == 0) {
          throw new TemplateException("'" + name.text() + "' outside a loop", name.line());
        }
        yield name.text().equals("break")
            ? new Statement.Break(name.line())
            : new Statement.Continue(name.line());
      }
      default ->
          throw new TemplateException(
              "unknown or unsupported tag '" + name.text() + "'", name.line());
    };
  }

  private Statement ifStatement(Token name) {
    Set<String> ends = Set.of("elif", "else", "endif");
    List<Statement.Branch> branches = new ArrayList<>();
    List<Statement> otherwise = List.of();
    while (true) {
      Expression test = expressions.tupleWithoutConditional();
      expressions.expect(Token.Kind.BLOCK_END);
      branches.add(new Statement.Branch(test, body(ends, name)));
      String end = expressions.next().text();
      if (end.equals("else")) {
        otherwise = block(name, "endif");
        break;
      }
      if (end.equals("endif")) {
        break;
      }
    }
    return new Statement.If(branches, otherwise, name.line());
  }

  private Statement forStatement(Token name) {
    Target target = expressions.target("in");
    expressions.expectName("in");
    Expression iterable = expressions.tupleWithoutConditional();
    Expression condition = expressions.skipName("if") ? expressions.expression() : null;
    if (expressions.current().isName("recursive")) {
      throw new TemplateException("recursive loops are not supported", name.line());
    }
    expressions.expect(Token.Kind.BLOCK_END);
    loopDepth++;
    List<Statement> body = body(Set.of("else", "endfor"), name);
    loopDepth--;
    List<Statement> otherwise =
        expressions.next().text().equals("else") ? block(name, "endfor") : List.of();
    return new Statement.For(target, iterable, condition, body, otherwise, name.line());
  }

  private Statement setStatement(Token name) {
    Target target = expressions.target("=");
    if (expressions.skipOperator("=")) {
      return new Statement.Set(target, expressions.tuple(), name.line());
    }
    Expression filter = expressions.blockFilter(Statement.CAPTURED, false);
    return new Statement.SetBlock(target, filter, block(name, "endset"), name.line());
  }

  private Statement macro(Token name) {
    String macro = expressions.expect(Token.Kind.NAME).text();
    List<Statement.Parameter> parameters = parameters();
    return new Statement.DefineMacro(
        macro, parameters, outsideLoops(name, "endmacro"), name.line());
  }

  private Statement call(Token name) {
    List<Statement.Parameter> parameters =
        expressions.current().isOperator("(") ? parameters() : List.of();
    if (!(expressions.expression() instanceof Expression.Call call)) {
      throw new TemplateException("expected a call", name.line());
    }
    return new Statement.CallBlock(parameters, call, outsideLoops(name, "endcall"), name.line());
  }

  /** A macro's body is no part of the loops around its definition. */
  private List<Statement> outsideLoops(Token name, String end) {
    int depth = loopDepth;
    loopDepth = 0;
    List<Statement> body = block(name, end);
    loopDepth = depth;
    return body;
  }

  private List<Statement.Parameter> parameters() {
    List<Statement.Parameter> parameters = new ArrayList<>();
    expressions.expectOperator("(");
    while (!expressions.skipOperator(")")) {
      if (!parameters.isEmpty()) {
        expressions.expectOperator(",");
      }
      String parameter = expressions.expect(Token.Kind.NAME).text();
      parameters.add(
          new Statement.Parameter(
              parameter, expressions.skipOperator("=") ? expressions.expression() : null));
    }
    return parameters;
  }

  private Statement filter(Token name) {
    Expression filter = expressions.blockFilter(Statement.CAPTURED, true);
    return new Statement.FilterBlock(filter, outsideLoops(name, "endfilter"), name.line());
  }

  private Statement with(Token name) {
    Map<Target, Expression> assignments = new LinkedHashMap<>();
    while (!expressions.current().is(Token.Kind.BLOCK_END)) {
      if (!assignments.isEmpty()) {
        expressions.expectOperator(",");
      }
      Target target = expressions.target("=");
      expressions.expectOperator("=");
      assignments.put(target, expressions.expression());
    }
    return new Statement.With(assignments, block(name, "endwith"), name.line());
  }
}
