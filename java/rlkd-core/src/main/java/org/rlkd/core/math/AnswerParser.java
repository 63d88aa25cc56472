package org.rlkd.core.math;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.rlkd.core.math.Answer.Relation.Operator;
import org.rlkd.core.math.Answer.SetOperation;
import org.rlkd.core.math.Expression.Constant;
import org.rlkd.core.math.Expression.Function;

/**
 * Recursive descent over the tokens of an answer.
 *
 * <pre>
 * answer   = item ((, | ; | and | or) item)*
 * item     = sets (relation sets)*
 * sets     = sum ((union | intersection | difference) sum)*
 * sum      = term ((+ | - | ±) term)*
 * term     = factor ((* | / | :)? factor)*        units and other text after a factor are dropped
 * factor   = (+ | - | ±)* primary (^ | ! | % | °)*
 * </pre>
 */
final class AnswerParser {
  /** Deeper nesting is refused: bounds the stack on hostile input. */
  private static final int MAX_DEPTH = 60;

  private final TokenCursor cursor;
  private int depth;
  private int absDepth;
  private int setDepth;
  private int angleDepth;
  private boolean percent;

  private AnswerParser(TokenCursor cursor) {
    this.cursor = cursor;
  }

  /** Parses a whole answer that {@link AnswerNotation} has normalised. */
  static Answer parse(String answer) throws Unparsable {
    AnswerParser parser = new AnswerParser(new TokenCursor(LatexLexer.tokens(answer)));
    parser.skipLeadingText();
    if (parser.cursor.peek().kind() == Token.Kind.STOP) {
      return parser.allWords();
    }
    Answer result = parser.listing();
    while (parser.cursor.peek().isSymbol(".") || parser.cursor.peek().isSymbol("*")) {
      parser.cursor.skip();
    }
    if (parser.cursor.peek().kind() != Token.Kind.STOP) {
      throw parser.cursor.unexpected();
    }
    return result;
  }

  private static String lower(Token token) {
    return token.text().toLowerCase(Locale.ROOT);
  }

  /** "The answer is 4": what leads to the first mathematics is dropped; words alone stay. */
  private void skipLeadingText() {
    boolean first = true;
    while (TokenCursor.isText(cursor.peek()) || cursor.peek().isSymbol(":") && !first) {
      cursor.skip();
      first = false;
    }
  }

  private Answer allWords() throws Unparsable {
    StringBuilder words = new StringBuilder();
    for (Token token : cursor.all()) {
      if (TokenCursor.isText(token)) {
        words.append(words.isEmpty() ? "" : " ").append(lower(token).replaceAll("\\s+", " "));
      }
    }
    if (words.isEmpty()) {
      throw new Unparsable("empty");
    }
    String number = AnswerNotation.normalize(words.toString());
    return number.contentEquals(words) ? new Answer.Words(number) : parse(number);
  }

  private boolean atSeparator() {
    Token token = cursor.peek();
    return token.isSymbol(",")
        || token.isSymbol(";")
        || (TokenCursor.isText(token) && AnswerVocabulary.SEPARATORS.contains(lower(token)));
  }

  private boolean atEnd() {
    Token token = cursor.peek();
    return token.kind() == Token.Kind.STOP
        || token.kind() == Token.Kind.END
        || atSeparator()
        || token.isSymbol(".")
        || (token.kind() == Token.Kind.SYMBOL && AnswerVocabulary.CLOSING.contains(token.text()));
  }

  private Answer listing() throws Unparsable {
    List<Answer> items = items();
    return items.size() == 1 ? items.get(0) : new Answer.Listing(items);
  }

  /** Items up to a closing bracket or the end; separators may repeat and trail. */
  private List<Answer> items() throws Unparsable {
    List<Answer> items = new ArrayList<>();
    while (true) {
      while (atSeparator()) {
        cursor.skip();
      }
      if (atEnd()) {
        return items;
      }
      items.add(item());
      if (!atSeparator()) {
        return items;
      }
    }
  }

  private Answer item() throws Unparsable {
    if (++depth > MAX_DEPTH) {
      throw new Unparsable("nested too deeply");
    }
    percent = false;
    List<Answer> sides = new ArrayList<>();
    List<Operator> operators = new ArrayList<>();
    skipItemText();
    sides.add(sets());
    while (cursor.peek().kind() == Token.Kind.SYMBOL) {
      String symbol = cursor.peek().text();
      if (AnswerVocabulary.RELATIONS.containsKey(symbol)) {
        cursor.skip();
        Operator operator = AnswerVocabulary.RELATIONS.get(symbol);
        if ((symbol.equals("<") || symbol.equals(">")) && cursor.accept("=")) {
          operator = symbol.equals("<") ? Operator.LESS_OR_EQUAL : Operator.GREATER_OR_EQUAL;
        }
        operators.add(operator);
        sides.add(sets());
      } else if (symbol.equals("≈")) {
        cursor.skip();
        sets(); // an approximation of what stands before it
      } else if (symbol.equals("∈") || symbol.equals("→")) {
        cursor.skip();
        sides.clear();
        operators.clear();
        sides.add(sets());
      } else {
        break;
      }
    }
    depth--;
    boolean wasPercent = percent;
    percent = false;
    Answer result = operators.isEmpty() ? sides.get(0) : new Answer.Relation(sides, operators);
    return wasPercent && result instanceof Answer.Scalar scalar
        ? new Answer.Scalar(scalar.expression(), true)
        : result;
  }

  private void skipItemText() {
    while (TokenCursor.isText(cursor.peek())
        && !TokenCursor.isText(cursor.peek(1))
        && startsFactor(cursor.peek(1))) {
      cursor.skip();
    }
  }

  private Answer sets() throws Unparsable {
    Answer left = sum();
    while (cursor.peek().kind() == Token.Kind.SYMBOL
        && AnswerVocabulary.SET_OPERATIONS.containsKey(cursor.peek().text())) {
      SetOperation.Kind kind = AnswerVocabulary.SET_OPERATIONS.get(cursor.next().text());
      left = new SetOperation(kind, left, sum());
    }
    return left;
  }

  private Answer sum() throws Unparsable {
    Answer left = term();
    while (true) {
      if (cursor.accept("+")) {
        left =
            AnswerAlgebra.scalar(
                new Expression.Sum(
                    AnswerAlgebra.expression(left), AnswerAlgebra.expression(term())));
      } else if (cursor.accept("-")) {
        left =
            AnswerAlgebra.scalar(
                new Expression.Sum(
                    AnswerAlgebra.expression(left),
                    new Expression.Negation(AnswerAlgebra.expression(term()))));
      } else if (cursor.peek().isSymbol("±") || cursor.peek().isSymbol("∓")) {
        boolean upperIsPlus = cursor.next().text().equals("±");
        left =
            AnswerAlgebra.scalar(
                new Expression.PlusMinus(
                    AnswerAlgebra.expression(left), AnswerAlgebra.expression(term()), upperIsPlus));
      } else {
        return left;
      }
    }
  }

  private Answer term() throws Unparsable {
    Answer left = factor();
    while (true) {
      if (cursor.accept("*")) {
        left = AnswerAlgebra.product(left, factor());
      } else if (cursor.accept("/") || (setDepth == 0 && cursor.accept(":"))) {
        if (TokenCursor.isText(cursor.peek())) {
          cursor.skip(); // a unit: km / h
        } else {
          left =
              AnswerAlgebra.scalar(
                  new Expression.Quotient(
                      AnswerAlgebra.expression(left), AnswerAlgebra.expression(factor())));
        }
      } else if (TokenCursor.isText(cursor.peek())) {
        if (AnswerVocabulary.SEPARATORS.contains(lower(cursor.peek()))) {
          return left;
        }
        left = afterText(left);
      } else if (startsFactor(cursor.peek())) {
        left = AnswerAlgebra.product(left, factor());
      } else {
        return left;
      }
    }
  }

  /** A word after a factor: percent, a magnitude, or a unit or remark, which is dropped. */
  private Answer afterText(Answer left) throws Unparsable {
    String text = lower(cursor.next()).replaceAll("\\.$", "");
    if (AnswerVocabulary.PERCENT.contains(text)) {
      percent = true;
      return left;
    }
    if (AnswerVocabulary.MAGNITUDES.containsKey(text)) {
      return AnswerAlgebra.scalar(
          new Expression.Product(
              AnswerAlgebra.expression(left),
              Expression.number(AnswerVocabulary.MAGNITUDES.get(text))));
    }
    while (true) {
      if (TokenCursor.isText(cursor.peek())
          && !AnswerVocabulary.SEPARATORS.contains(lower(cursor.peek()))) {
        cursor.skip();
      } else if (cursor.peek().isSymbol("^")) {
        cursor.skip();
        exponent();
      } else if ((cursor.peek().isSymbol("/")
              || cursor.peek().isSymbol("*")
              || cursor.peek().isSymbol("-"))
          && TokenCursor.isText(cursor.peek(1))) {
        cursor.skip();
      } else if (atEnd() || cursor.peek().kind() == Token.Kind.SYMBOL) {
        return left;
      } else {
        throw cursor.unexpected();
      }
    }
  }

  private boolean startsFactor(Token token) {
    return switch (token.kind()) {
      case NUMBER, LETTER, BEGIN -> true;
      case COMMAND -> !AnswerVocabulary.CLOSING_COMMANDS.contains(token.text());
      case SYMBOL ->
          Set.of("(", "[", "{", "\\{", "∞", "∅").contains(token.text())
              || (token.text().equals("|") && absDepth == 0 && setDepth == 0);
      default -> false;
    };
  }

  private Answer factor() throws Unparsable {
    if (++depth > MAX_DEPTH) {
      throw new Unparsable("nested too deeply");
    }
    Answer result;
    if (cursor.accept("-")) {
      result = AnswerAlgebra.negated(factor());
    } else if (cursor.accept("+")) {
      result = factor();
    } else if (cursor.peek().isSymbol("±") || cursor.peek().isSymbol("∓")) {
      boolean upperIsPlus = cursor.next().text().equals("±");
      result =
          AnswerAlgebra.scalar(
              new Expression.PlusMinus(
                  Expression.number(0), AnswerAlgebra.expression(factor()), upperIsPlus));
    } else {
      result = postfix(primary());
    }
    depth--;
    return result;
  }

  private Answer postfix(Answer start) throws Unparsable {
    Answer result = start;
    while (true) {
      if (cursor.peek().isSymbol("°")) {
        cursor.skip();
        result = degrees(result);
      } else if (cursor.peek().isSymbol("^") && isDegree()) {
        result = degrees(result);
      } else if (cursor.peek().isSymbol("^") && isOrdinal()) {
        cursor.skip(4);
      } else if (cursor.accept("^")) {
        result =
            AnswerAlgebra.scalar(
                new Expression.Power(AnswerAlgebra.expression(result), exponent()));
      } else if (cursor.accept("!")) {
        result =
            AnswerAlgebra.scalar(
                new Expression.Call(Function.FACTORIAL, AnswerAlgebra.expression(result)));
      } else if (cursor.accept("%")) {
        if (atEnd() || TokenCursor.isText(cursor.peek())) {
          percent = true;
        } else {
          result =
              AnswerAlgebra.scalar(
                  new Expression.Quotient(
                      AnswerAlgebra.expression(result), Expression.number(100)));
        }
      } else if (cursor.peek().isSymbol("'")) {
        cursor.skip();
      } else {
        return result;
      }
    }
  }

  /** Takes {@code ^\circ} or {@code ^{\circ}} if it stands here. */
  private boolean isDegree() {
    if (cursor.peek(1).isSymbol("°")) {
      cursor.skip(2);
      return true;
    }
    if (cursor.peek(1).isSymbol("{")
        && cursor.peek(2).isSymbol("°")
        && cursor.peek(3).isSymbol("}")) {
      cursor.skip(4);
      return true;
    }
    return false;
  }

  /** Whether {@code ^{\text{th}}} stands here. */
  private boolean isOrdinal() {
    return cursor.peek(1).isSymbol("{")
        && TokenCursor.isText(cursor.peek(2))
        && cursor.peek(3).isSymbol("}");
  }

  /** The degree sign counts inside a trigonometric function and is a unit elsewhere. */
  private Answer degrees(Answer value) throws Unparsable {
    return angleDepth == 0
        ? value
        : AnswerAlgebra.scalar(
            new Expression.Quotient(
                new Expression.Product(AnswerAlgebra.expression(value), Constant.PI),
                Expression.number(180)));
  }

  private Expression exponent() throws Unparsable {
    if (cursor.accept("-")) {
      return new Expression.Negation(exponent());
    }
    return AnswerAlgebra.expression(primary());
  }

  private Answer primary() throws Unparsable {
    Token token = cursor.next();
    return switch (token.kind()) {
      case NUMBER -> number(token);
      case LETTER -> letter(token.text());
      case COMMAND -> command(token.text());
      case BEGIN -> matrix(token.text());
      case SYMBOL -> bracket(token.text());
      default -> {
        cursor.back();
        throw cursor.unexpected();
      }
    };
  }

  private Answer number(Token token) throws Unparsable {
    if (cursor.accept("_")) {
      return new Answer.BasedNumber(token.text(), subscript());
    }
    Expression value = new Expression.Number(token.value());
    return token.value().isInteger() && MixedNumber.isProperFraction(cursor)
        ? AnswerAlgebra.scalar(new Expression.Sum(value, mixedPart()))
        : AnswerAlgebra.scalar(value);
  }

  private Expression mixedPart() throws Unparsable {
    if (cursor.peek().kind() == Token.Kind.COMMAND) {
      cursor.skip();
      return fraction();
    }
    Expression numerator = new Expression.Number(cursor.next().value());
    cursor.skip();
    return new Expression.Quotient(numerator, new Expression.Number(cursor.next().value()));
  }

  private Answer letter(String name) throws Unparsable {
    if (cursor.accept("_")) {
      return AnswerAlgebra.scalar(new Expression.Variable(name + "_" + subscript()));
    }
    return AnswerAlgebra.scalar(
        switch (name) {
          case "e" -> Constant.E;
          case "i" -> Constant.I;
          default -> new Expression.Variable(name);
        });
  }

  /** A subscript as written, without braces and blanks. */
  private String subscript() throws Unparsable {
    if (!cursor.accept("{")) {
      return cursor.next().text();
    }
    StringBuilder text = new StringBuilder();
    int braces = 1;
    while (true) {
      Token token = cursor.next();
      braces += token.isSymbol("{") ? 1 : token.isSymbol("}") ? -1 : 0;
      if (braces == 0) {
        return text.toString();
      }
      if (token.kind() == Token.Kind.STOP) {
        throw cursor.unexpected();
      }
      text.append(token.text());
    }
  }

  private Answer command(String name) throws Unparsable {
    return switch (name) {
      case "frac", "dfrac", "tfrac", "cfrac" -> AnswerAlgebra.scalar(fraction());
      case "binom", "dbinom", "tbinom" ->
          AnswerAlgebra.scalar(
              new Expression.Call(Function.BINOMIAL, List.of(argument(), argument())));
      case "sqrt" -> AnswerAlgebra.scalar(root());
      case "lfloor" -> AnswerAlgebra.scalar(enclosed(Function.FLOOR, "rfloor"));
      case "lceil" -> AnswerAlgebra.scalar(enclosed(Function.CEIL, "rceil"));
      case "pi" -> AnswerAlgebra.scalar(Constant.PI);
      default -> {
        if (AnswerVocabulary.FUNCTIONS.containsKey(name)) {
          yield AnswerAlgebra.scalar(function(AnswerVocabulary.FUNCTIONS.get(name)));
        }
        yield letter("\\" + name);
      }
    };
  }

  private Expression fraction() throws Unparsable {
    Expression numerator = argument();
    return new Expression.Quotient(numerator, argument());
  }

  /** An argument of a command: a braced group, or one number, letter or command. */
  private Expression argument() throws Unparsable {
    return cursor.peek().kind() == Token.Kind.NUMBER
        ? new Expression.Number(cursor.next().value())
        : AnswerAlgebra.expression(primary());
  }

  private Expression root() throws Unparsable {
    Expression index = Expression.number(2);
    if (cursor.accept("[")) {
      index = AnswerAlgebra.expression(item());
      cursor.expect("]");
    }
    return new Expression.Call(Function.ROOT, List.of(index, AnswerAlgebra.expression(primary())));
  }

  private Expression enclosed(Function function, String closing) throws Unparsable {
    Expression inside = AnswerAlgebra.expression(item());
    if (!cursor.next().is(Token.Kind.COMMAND, closing)) {
      cursor.back();
      throw cursor.unexpected();
    }
    return new Expression.Call(function, inside);
  }

  private Expression function(Function named) throws Unparsable {
    Function function = named;
    Expression base = null;
    Expression power = null;
    while (true) {
      if (cursor.peek().isSymbol("_")) {
        cursor.skip();
        base = AnswerAlgebra.expression(primary());
      } else if (cursor.accept("^")) {
        power = exponent();
      } else {
        break;
      }
    }
    boolean inverse =
        power != null
            && AnswerVocabulary.INVERSES.containsKey(function)
            && ExactEvaluator.evaluate(power).filter(Rational.of(-1)::equals).isPresent();
    if (inverse) {
      function = AnswerVocabulary.INVERSES.get(function);
      power = null;
    }
    angleDepth += AnswerVocabulary.TAKE_ANGLES.contains(function) ? 1 : 0;
    Expression argument = functionArgument();
    angleDepth -= AnswerVocabulary.TAKE_ANGLES.contains(function) ? 1 : 0;
    Expression call =
        base != null && function == Function.LOG
            ? new Expression.Call(Function.LOG_BASE, List.of(base, argument))
            : new Expression.Call(function, argument);
    return power == null ? call : new Expression.Power(call, power);
  }

  /**
   * What a function without brackets applies to: {@code \sin 2x} up to the next sign, dot or
   * function.
   */
  private Expression functionArgument() throws Unparsable {
    if (cursor.peek().isSymbol("(") || cursor.peek().isSymbol("{")) {
      return AnswerAlgebra.expression(primary());
    }
    if (cursor.accept("-")) {
      return new Expression.Negation(functionArgument());
    }
    Expression argument = AnswerAlgebra.expression(postfix(primary()));
    while (cursor.peek().kind() == Token.Kind.LETTER
        || cursor.peek().kind() == Token.Kind.NUMBER
        || (cursor.peek().kind() == Token.Kind.COMMAND
            && !AnswerVocabulary.FUNCTIONS.containsKey(cursor.peek().text())
            && !AnswerVocabulary.CLOSING_COMMANDS.contains(cursor.peek().text()))) {
      argument = new Expression.Product(argument, AnswerAlgebra.expression(postfix(primary())));
    }
    return argument;
  }

  private Answer bracket(String open) throws Unparsable {
    switch (open) {
      case "{" -> {
        Answer inside = listing();
        cursor.expect("}");
        return inside;
      }
      case "∞" -> {
        return AnswerAlgebra.scalar(Constant.INFINITY);
      }
      case "∅" -> {
        return new Answer.FiniteSet(List.of());
      }
      case "|" -> {
        absDepth++;
        Expression inside = AnswerAlgebra.expression(item());
        absDepth--;
        cursor.expect("|");
        return AnswerAlgebra.scalar(new Expression.Call(Function.ABS, inside));
      }
      case "\\{" -> {
        return set();
      }
      case "(", "[" -> {
        return tuple(open.charAt(0));
      }
      default -> {
        cursor.back();
        throw cursor.unexpected();
      }
    }
  }

  private Answer set() throws Unparsable {
    setDepth++;
    List<Answer> items = items();
    setDepth--;
    if (cursor.accept("|") || cursor.accept(":")) {
      Answer condition = listing(); // set-builder: the condition says it all
      cursor.expect("\\}");
      return condition;
    }
    cursor.expect("\\}");
    return new Answer.FiniteSet(items);
  }

  private Answer tuple(char open) throws Unparsable {
    int outerAbs = absDepth;
    int outerSet = setDepth;
    absDepth = 0;
    setDepth = 0;
    List<Answer> items = items();
    absDepth = outerAbs;
    setDepth = outerSet;
    Token close = cursor.next();
    if (!close.isSymbol(")") && !close.isSymbol("]") || items.isEmpty()) {
      cursor.back();
      throw cursor.unexpected();
    }
    return items.size() == 1 ? items.get(0) : new Answer.Tuple(open, items, close.text().charAt(0));
  }

  private Answer matrix(String environment) throws Unparsable {
    if (environment.equals("array") && cursor.accept("{")) {
      while (!cursor.accept("}")) {
        if (cursor.next().kind() == Token.Kind.STOP) {
          throw cursor.unexpected();
        }
      }
    }
    List<List<Answer>> rows = new ArrayList<>();
    List<Answer> row = new ArrayList<>();
    while (cursor.peek().kind() != Token.Kind.END) {
      if (cursor.accept("\\\\")) {
        rows.add(row);
        row = new ArrayList<>();
      } else if (!cursor.accept("&")) {
        row.add(item());
      }
    }
    cursor.skip();
    if (!row.isEmpty()) {
      rows.add(row);
    }
    int columns = rows.isEmpty() ? 0 : rows.get(0).size();
    if (columns == 0 || rows.stream().anyMatch(cells -> cells.size() != columns)) {
      throw new Unparsable("rows of different lengths");
    }
    return new Answer.Matrix(rows);
  }
}
