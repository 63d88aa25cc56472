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

  private final List<Token> tokens;
  private int at;
  private int depth;
  private int absDepth;
  private int setDepth;
  private int angleDepth;
  private boolean percent;

  private AnswerParser(List<Token> tokens) {
    this.tokens = tokens;
  }

  /** Parses a whole answer that {@link AnswerNotation} has normalised. */
  static Answer parse(String answer) throws Unparsable {
    AnswerParser parser = new AnswerParser(LatexLexer.tokens(answer));
    parser.skipLeadingText();
    if (parser.peek().kind() == Token.Kind.STOP) {
      return parser.allWords();
    }
    Answer result = parser.listing();
    while (parser.peek().isSymbol(".") || parser.peek().isSymbol("*")) {
      parser.at++;
    }
    if (parser.peek().kind() != Token.Kind.STOP) {
      throw parser.unexpected();
    }
    return result;
  }

  private Token peek() {
    return tokens.get(at);
  }

  private Token peek(int ahead) {
    return tokens.get(Math.min(at + ahead, tokens.size() - 1));
  }

  private Token next() {
    Token token = peek();
    if (token.kind() != Token.Kind.STOP) {
      at++;
    }
    return token;
  }

  private boolean accept(String symbol) {
    if (peek().isSymbol(symbol)) {
      at++;
      return true;
    }
    return false;
  }

  private void expect(String symbol) throws Unparsable {
    if (!accept(symbol)) {
      throw unexpected();
    }
  }

  private Unparsable unexpected() {
    return new Unparsable("unexpected " + peek());
  }

  private static boolean isText(Token token) {
    return token.kind() == Token.Kind.WORD || token.kind() == Token.Kind.TEXT;
  }

  private static String lower(Token token) {
    return token.text().toLowerCase(Locale.ROOT);
  }

  /** "The answer is 4": what leads to the first mathematics is dropped; words alone stay. */
  private void skipLeadingText() {
    int first = at;
    while (isText(peek(first - at)) || peek(first - at).isSymbol(":") && first > at) {
      first++;
    }
    at = first;
  }

  private Answer allWords() throws Unparsable {
    StringBuilder words = new StringBuilder();
    for (Token token : tokens) {
      if (isText(token)) {
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
    Token token = peek();
    return token.isSymbol(",")
        || token.isSymbol(";")
        || (isText(token) && AnswerVocabulary.SEPARATORS.contains(lower(token)));
  }

  private boolean atEnd() {
    Token token = peek();
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
        at++;
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
    while (peek().kind() == Token.Kind.SYMBOL) {
      String symbol = peek().text();
      if (AnswerVocabulary.RELATIONS.containsKey(symbol)) {
        at++;
        Operator operator = AnswerVocabulary.RELATIONS.get(symbol);
        if ((symbol.equals("<") || symbol.equals(">")) && accept("=")) {
          operator = symbol.equals("<") ? Operator.LESS_OR_EQUAL : Operator.GREATER_OR_EQUAL;
        }
        operators.add(operator);
        sides.add(sets());
      } else if (symbol.equals("≈")) {
        at++;
        sets(); // an approximation of what stands before it
      } else if (symbol.equals("∈") || symbol.equals("→")) {
        at++;
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
    while (isText(peek()) && !isText(peek(1)) && startsFactor(peek(1))) {
      at++;
    }
  }

  private Answer sets() throws Unparsable {
    Answer left = sum();
    while (peek().kind() == Token.Kind.SYMBOL
        && AnswerVocabulary.SET_OPERATIONS.containsKey(peek().text())) {
      SetOperation.Kind kind = AnswerVocabulary.SET_OPERATIONS.get(next().text());
      left = new SetOperation(kind, left, sum());
    }
    return left;
  }

  private Answer sum() throws Unparsable {
    Answer left = term();
    while (true) {
      if (accept("+")) {
        left = scalar(new Expression.Sum(expression(left), expression(term())));
      } else if (accept("-")) {
        left =
            scalar(
                new Expression.Sum(expression(left), new Expression.Negation(expression(term()))));
      } else if (peek().isSymbol("±") || peek().isSymbol("∓")) {
        boolean upperIsPlus = next().text().equals("±");
        left = scalar(new Expression.PlusMinus(expression(left), expression(term()), upperIsPlus));
      } else {
        return left;
      }
    }
  }

  private Answer term() throws Unparsable {
    Answer left = factor();
    while (true) {
      if (accept("*")) {
        left = product(left, factor());
      } else if (accept("/") || (setDepth == 0 && accept(":"))) {
        if (isText(peek())) {
          at++; // a unit: km / h
        } else {
          left = scalar(new Expression.Quotient(expression(left), expression(factor())));
        }
      } else if (isText(peek())) {
        if (AnswerVocabulary.SEPARATORS.contains(lower(peek()))) {
          return left;
        }
        left = afterText(left);
      } else if (startsFactor(peek())) {
        left = product(left, factor());
      } else {
        return left;
      }
    }
  }

  /** A word after a factor: percent, a magnitude, or a unit or remark, which is dropped. */
  private Answer afterText(Answer left) throws Unparsable {
    String text = lower(next()).replaceAll("\\.$", "");
    if (AnswerVocabulary.PERCENT.contains(text)) {
      percent = true;
      return left;
    }
    if (AnswerVocabulary.MAGNITUDES.containsKey(text)) {
      return scalar(
          new Expression.Product(
              expression(left), Expression.number(AnswerVocabulary.MAGNITUDES.get(text))));
    }
    while (true) {
      if (isText(peek()) && !AnswerVocabulary.SEPARATORS.contains(lower(peek()))) {
        at++;
      } else if (peek().isSymbol("^")) {
        at++;
        exponent();
      } else if ((peek().isSymbol("/") || peek().isSymbol("*") || peek().isSymbol("-"))
          && isText(peek(1))) {
        at++;
      } else if (atEnd() || peek().kind() == Token.Kind.SYMBOL) {
        return left;
      } else {
        throw unexpected();
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
    if (accept("-")) {
      result = negated(factor());
    } else if (accept("+")) {
      result = factor();
    } else if (peek().isSymbol("±") || peek().isSymbol("∓")) {
      boolean upperIsPlus = next().text().equals("±");
      result =
          scalar(new Expression.PlusMinus(Expression.number(0), expression(factor()), upperIsPlus));
    } else {
      result = postfix(primary());
    }
    depth--;
    return result;
  }

  private Answer postfix(Answer start) throws Unparsable {
    Answer result = start;
    while (true) {
      if (peek().isSymbol("°")) {
        at++;
        result = degrees(result);
      } else if (peek().isSymbol("^") && isDegree()) {
        result = degrees(result);
      } else if (peek().isSymbol("^") && isOrdinal()) {
        at += 4;
      } else if (accept("^")) {
        result = scalar(new Expression.Power(expression(result), exponent()));
      } else if (accept("!")) {
        result = scalar(new Expression.Call(Function.FACTORIAL, expression(result)));
      } else if (accept("%")) {
        if (atEnd() || isText(peek())) {
          percent = true;
        } else {
          result = scalar(new Expression.Quotient(expression(result), Expression.number(100)));
        }
      } else if (peek().isSymbol("'")) {
        at++;
      } else {
        return result;
      }
    }
  }

  /** Takes {@code ^\circ} or {@code ^{\circ}} if it stands here. */
  private boolean isDegree() {
    if (peek(1).isSymbol("°")) {
      at += 2;
      return true;
    }
    if (peek(1).isSymbol("{") && peek(2).isSymbol("°") && peek(3).isSymbol("}")) {
      at += 4;
      return true;
    }
    return false;
  }

  /** Whether {@code ^{\text{th}}} stands here. */
  private boolean isOrdinal() {
    return peek(1).isSymbol("{") && isText(peek(2)) && peek(3).isSymbol("}");
  }

  /** The degree sign counts inside a trigonometric function and is a unit elsewhere. */
  private Answer degrees(Answer value) throws Unparsable {
    return angleDepth == 0
        ? value
        : scalar(
            new Expression.Quotient(
                new Expression.Product(expression(value), Constant.PI), Expression.number(180)));
  }

  private Expression exponent() throws Unparsable {
    if (accept("-")) {
      return new Expression.Negation(exponent());
    }
    return expression(primary());
  }

  private Answer primary() throws Unparsable {
    Token token = next();
    return switch (token.kind()) {
      case NUMBER -> number(token);
      case LETTER -> letter(token.text());
      case COMMAND -> command(token.text());
      case BEGIN -> matrix(token.text());
      case SYMBOL -> bracket(token.text());
      default -> {
        at--;
        throw unexpected();
      }
    };
  }

  private Answer number(Token token) throws Unparsable {
    if (accept("_")) {
      return new Answer.BasedNumber(token.text(), subscript());
    }
    Expression value = new Expression.Number(token.value());
    return token.value().isInteger() && isProperFraction()
        ? scalar(new Expression.Sum(value, mixedPart()))
        : scalar(value);
  }

  /** Whether a fraction follows that makes a mixed number: {@code 1\frac45} or {@code 3 1/2}. */
  private boolean isProperFraction() {
    if (peek().kind() == Token.Kind.COMMAND && peek().text().endsWith("frac")) {
      int middle = integerEnd(1);
      int end = middle < 0 ? -1 : integerEnd(middle);
      return end >= 0 && integerBefore(middle).compareTo(integerBefore(end)) < 0;
    }
    return peek().kind() == Token.Kind.NUMBER
        && peek().spaceBefore()
        && peek(1).isSymbol("/")
        && peek(2).kind() == Token.Kind.NUMBER
        && peek().value().compareTo(peek(2).value()) < 0;
  }

  /** Where an integer ends, in braces or not, that starts so many tokens ahead; -1 if none does. */
  private int integerEnd(int ahead) {
    if (isInteger(peek(ahead))) {
      return ahead + 1;
    }
    boolean braced =
        peek(ahead).isSymbol("{") && isInteger(peek(ahead + 1)) && peek(ahead + 2).isSymbol("}");
    return braced ? ahead + 3 : -1;
  }

  private Rational integerBefore(int ahead) {
    Token last = peek(ahead - 1);
    return isInteger(last) ? last.value() : peek(ahead - 2).value();
  }

  private static boolean isInteger(Token token) {
    return token.kind() == Token.Kind.NUMBER && token.value().isInteger();
  }

  private Expression mixedPart() throws Unparsable {
    if (peek().kind() == Token.Kind.COMMAND) {
      at++;
      return fraction();
    }
    Expression numerator = new Expression.Number(next().value());
    at++;
    return new Expression.Quotient(numerator, new Expression.Number(next().value()));
  }

  private Answer letter(String name) throws Unparsable {
    if (accept("_")) {
      return scalar(new Expression.Variable(name + "_" + subscript()));
    }
    return scalar(
        switch (name) {
          case "e" -> Constant.E;
          case "i" -> Constant.I;
          default -> new Expression.Variable(name);
        });
  }

  /** A subscript as written, without braces and blanks. */
  private String subscript() throws Unparsable {
    if (!accept("{")) {
      return next().text();
    }
    StringBuilder text = new StringBuilder();
    int braces = 1;
    while (true) {
      Token token = next();
      braces += token.isSymbol("{") ? 1 : token.isSymbol("}") ? -1 : 0;
      if (braces == 0) {
        return text.toString();
      }
      if (token.kind() == Token.Kind.STOP) {
        throw unexpected();
      }
      text.append(token.text());
    }
  }

  private Answer command(String name) throws Unparsable {
    return switch (name) {
      case "frac", "dfrac", "tfrac", "cfrac" -> scalar(fraction());
      case "binom", "dbinom", "tbinom" ->
          scalar(new Expression.Call(Function.BINOMIAL, List.of(argument(), argument())));
      case "sqrt" -> scalar(root());
      case "lfloor" -> scalar(enclosed(Function.FLOOR, "rfloor"));
      case "lceil" -> scalar(enclosed(Function.CEIL, "rceil"));
      case "pi" -> scalar(Constant.PI);
      default -> {
        if (AnswerVocabulary.FUNCTIONS.containsKey(name)) {
          yield scalar(function(AnswerVocabulary.FUNCTIONS.get(name)));
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
    return peek().kind() == Token.Kind.NUMBER
        ? new Expression.Number(next().value())
        : expression(primary());
  }

  private Expression root() throws Unparsable {
    Expression index = Expression.number(2);
    if (accept("[")) {
      index = expression(item());
      expect("]");
    }
    return new Expression.Call(Function.ROOT, List.of(index, expression(primary())));
  }

  private Expression enclosed(Function function, String closing) throws Unparsable {
    Expression inside = expression(item());
    if (!next().is(Token.Kind.COMMAND, closing)) {
      at--;
      throw unexpected();
    }
    return new Expression.Call(function, inside);
  }

  private Expression function(Function named) throws Unparsable {
    Function function = named;
    Expression base = null;
    Expression power = null;
    while (true) {
      if (peek().isSymbol("_")) {
        at++;
        base = expression(primary());
      } else if (accept("^")) {
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
    if (peek().isSymbol("(") || peek().isSymbol("{")) {
      return expression(primary());
    }
    if (accept("-")) {
      return new Expression.Negation(functionArgument());
    }
    Expression argument = expression(postfix(primary()));
    while (peek().kind() == Token.Kind.LETTER
        || peek().kind() == Token.Kind.NUMBER
        || (peek().kind() == Token.Kind.COMMAND
            && !AnswerVocabulary.FUNCTIONS.containsKey(peek().text())
            && !AnswerVocabulary.CLOSING_COMMANDS.contains(peek().text()))) {
      argument = new Expression.Product(argument, expression(postfix(primary())));
    }
    return argument;
  }

  private Answer bracket(String open) throws Unparsable {
    switch (open) {
      case "{" -> {
        Answer inside = listing();
        expect("}");
        return inside;
      }
      case "∞" -> {
        return scalar(Constant.INFINITY);
      }
      case "∅" -> {
        return new Answer.FiniteSet(List.of());
      }
      case "|" -> {
        absDepth++;
        Expression inside = expression(item());
        absDepth--;
        expect("|");
        return scalar(new Expression.Call(Function.ABS, inside));
      }
      case "\\{" -> {
        return set();
      }
      case "(", "[" -> {
        return tuple(open.charAt(0));
      }
      default -> {
        at--;
        throw unexpected();
      }
    }
  }

  private Answer set() throws Unparsable {
    setDepth++;
    List<Answer> items = items();
    setDepth--;
    if (accept("|") || accept(":")) {
      Answer condition = listing(); // set-builder: the condition says it all
      expect("\\}");
      return condition;
    }
    expect("\\}");
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
    Token close = next();
    if (!close.isSymbol(")") && !close.isSymbol("]") || items.isEmpty()) {
      at--;
      throw unexpected();
    }
    return items.size() == 1 ? items.get(0) : new Answer.Tuple(open, items, close.text().charAt(0));
  }

  private Answer matrix(String environment) throws Unparsable {
    if (environment.equals("array") && accept("{")) {
      while (!accept("}")) {
        if (next().kind() == Token.Kind.STOP) {
          throw unexpected();
        }
      }
    }
    List<List<Answer>> rows = new ArrayList<>();
    List<Answer> row = new ArrayList<>();
    while (peek().kind() != Token.Kind.END) {
      if (accept("\\\\")) {
        rows.add(row);
        row = new ArrayList<>();
      } else if (!accept("&")) {
        row.add(item());
      }
    }
    at++;
    if (!row.isEmpty()) {
      rows.add(row);
    }
    int columns = rows.isEmpty() ? 0 : rows.get(0).size();
    if (columns == 0 || rows.stream().anyMatch(cells -> cells.size() != columns)) {
      throw new Unparsable("rows of different lengths");
    }
    return new Answer.Matrix(rows);
  }

  private static Answer scalar(Expression expression) {
    return new Answer.Scalar(expression);
  }

  private static Expression expression(Answer answer) throws Unparsable {
    if (answer instanceof Answer.Scalar scalar) {
      return scalar.expression();
    }
    throw new Unparsable("an expression was expected");
  }

  private static Answer negated(Answer answer) throws Unparsable {
    return answer instanceof Answer.Matrix matrix
        ? scaled(Expression.number(-1), matrix)
        : scalar(new Expression.Negation(expression(answer)));
  }

  private static Answer product(Answer left, Answer right) throws Unparsable {
    return right instanceof Answer.Matrix matrix
        ? scaled(expression(left), matrix)
        : scalar(new Expression.Product(expression(left), expression(right)));
  }

  private static Answer scaled(Expression factor, Answer.Matrix matrix) throws Unparsable {
    List<List<Answer>> rows = new ArrayList<>();
    for (List<Answer> row : matrix.rows()) {
      List<Answer> cells = new ArrayList<>();
      for (Answer cell : row) {
        cells.add(product(scalar(factor), cell));
      }
      rows.add(cells);
    }
    return new Answer.Matrix(rows);
  }
}
