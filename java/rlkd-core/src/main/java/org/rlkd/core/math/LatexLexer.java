package org.rlkd.core.math;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Splits an answer in LaTeX or plain notation into tokens; layout (spacing, sizes, fonts) is
 * dropped.
 */
final class LatexLexer {
  /** Longer answers are compared as text only. */
  static final int MAX_LENGTH = 2_000;

  private static final int MAX_DIGITS = 1_000;
  private static final int MAX_DECIMAL_EXPONENT = 2_000;

  private static final Set<String> LAYOUT =
      Set.of(
          "left",
          "right",
          "big",
          "Big",
          "bigg",
          "Bigg",
          "bigl",
          "bigr",
          "Bigl",
          "Bigr",
          "displaystyle",
          "textstyle",
          "limits",
          "quad",
          "qquad",
          "boxed",
          "fbox",
          "rm",
          "bf",
          "it",
          "mathstrut",
          "middle",
          "hfill",
          "smallskip",
          "tiny",
          "small",
          "large",
          "Large",
          "vec",
          "hat",
          "bar",
          "mathbb",
          "mathcal",
          "boldsymbol",
          "bm",
          "ensuremath");

  private static final Set<String> TWO_ARGUMENTS =
      Set.of("frac", "dfrac", "tfrac", "cfrac", "binom", "dbinom", "tbinom");

  private static final Set<String> UPRIGHT =
      Set.of("text", "textrm", "mbox", "mathrm", "operatorname");

  private static final Set<String> TEXT =
      Set.of(
          "text",
          "textbf",
          "textit",
          "textrm",
          "textnormal",
          "textsf",
          "texttt",
          "mbox",
          "hbox",
          "mathrm",
          "mathbf",
          "mathit",
          "mathsf",
          "operatorname",
          "emph",
          "underline",
          "textup");

  /** Commands and characters that mean one symbol of the grammar. */
  private static final Map<String, String> SYMBOLS =
      Map.ofEntries(
          Map.entry("cdot", "*"),
          Map.entry("times", "*"),
          Map.entry("ast", "*"),
          Map.entry("div", "/"),
          Map.entry("le", "≤"),
          Map.entry("leq", "≤"),
          Map.entry("leqslant", "≤"),
          Map.entry("ge", "≥"),
          Map.entry("geq", "≥"),
          Map.entry("geqslant", "≥"),
          Map.entry("lt", "<"),
          Map.entry("gt", ">"),
          Map.entry("ne", "≠"),
          Map.entry("neq", "≠"),
          Map.entry("approx", "≈"),
          Map.entry("simeq", "≈"),
          Map.entry("sim", "≈"),
          Map.entry("equiv", "="),
          Map.entry("pm", "±"),
          Map.entry("mp", "∓"),
          Map.entry("cup", "∪"),
          Map.entry("cap", "∩"),
          Map.entry("setminus", "∖"),
          Map.entry("backslash", "∖"),
          Map.entry("in", "∈"),
          Map.entry("infty", "∞"),
          Map.entry("lbrace", "\\{"),
          Map.entry("rbrace", "\\}"),
          Map.entry("langle", "("),
          Map.entry("rangle", ")"),
          Map.entry("lparen", "("),
          Map.entry("rparen", ")"),
          Map.entry("lbrack", "["),
          Map.entry("rbrack", "]"),
          Map.entry("vert", "|"),
          Map.entry("lvert", "|"),
          Map.entry("rvert", "|"),
          Map.entry("mid", "|"),
          Map.entry("circ", "°"),
          Map.entry("degree", "°"),
          Map.entry("colon", ":"),
          Map.entry("to", "→"),
          Map.entry("rightarrow", "→"),
          Map.entry("implies", "→"),
          Map.entry("Rightarrow", "→"),
          Map.entry("varnothing", "∅"),
          Map.entry("emptyset", "∅"));

  /** Names that are read as commands without their backslash. */
  static final Set<String> FUNCTIONS =
      Set.of(
          "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh",
          "tanh", "exp", "ln", "log", "lg", "sqrt");

  private static final Map<String, String> PLAIN_NAMES =
      Map.of(
          "pi",
          "pi",
          "infinity",
          "infty",
          "inf",
          "infty",
          "oo",
          "infty",
          "theta",
          "theta",
          "union",
          "cup");

  private static final Set<String> SHORT_WORDS =
      Set.of(
          "cm", "mm", "km", "kg", "mg", "ml", "mL", "ft", "in", "hr", "mi", "lb", "oz", "pm", "am",
          "is", "of", "to", "an", "as", "so", "th", "nd", "rd", "no", "or", "if", "it", "We", "we",
          "It", "If", "So", "Is", "at", "by", "be");

  private static final Pattern GROUPED =
      Pattern.compile(
          "[1-9]\\d{0,2}(?:(?:,|(?<space>\\s|\\\\,|\\\\ |~))\\d{3})(?:(?:,|\\s|\\\\,|\\\\ |~)\\d{3})*(?!\\d)(?:\\.\\d+)?");

  private static final Pattern REPEATING =
      Pattern.compile("(\\d*)\\.(\\d*)\\\\(?:overline|bar|dot)\\s*\\{?(\\d+)\\}?");

  private static final Pattern DECIMAL =
      Pattern.compile("(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d{1,5}(?![a-zA-Z\\d]))?");

  private final String input;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int brackets;
  private boolean space;

  private LatexLexer(String input) {
    this.input = input;
  }

  /** Returns the tokens, a STOP token last. */
  static List<Token> tokens(String input) throws Unparsable {
    if (input.length() > MAX_LENGTH) {
      throw new Unparsable("longer than " + MAX_LENGTH);
    }
    return withDigitArguments(new LatexLexer(input).run());
  }

  /** {@code \frac43} has two arguments: the first digit of its number is one of its own. */
  private static List<Token> withDigitArguments(List<Token> tokens) {
    List<Token> split = new ArrayList<>();
    for (Token token : tokens) {
      boolean first =
          !split.isEmpty() && TWO_ARGUMENTS.contains(split.get(split.size() - 1).text());
      if (first && token.kind() == Token.Kind.NUMBER && token.text().matches("\\d{2,}")) {
        split.add(digits(token.text().substring(0, 1)));
        split.add(digits(token.text().substring(1)));
      } else {
        split.add(token);
      }
    }
    return split;
  }

  private static Token digits(String digits) {
    return new Token(Token.Kind.NUMBER, digits, Rational.of(new BigDecimal(digits)), false);
  }

  private List<Token> run() throws Unparsable {
    while (at < input.length()) {
      char c = input.charAt(at);
      if (Character.isWhitespace(c) || c == '~' || c == '$' || c == '\u200b') {
        space = true;
        at++;
      } else if (isDigit(c)
          || (c == '.' && at + 1 < input.length() && isDigit(input.charAt(at + 1)))) {
        number();
      } else if (c == '\\') {
        command();
      } else if (isLetter(c)) {
        letters();
      } else if (c == '*' && input.startsWith("**", at)) {
        markdownOrPower();
      } else {
        symbol();
      }
    }
    add(Token.Kind.STOP, "", null);
    return tokens;
  }

  private void add(Token.Kind kind, String text, Rational value) {
    tokens.add(new Token(kind, text, value, space));
    space = false;
  }

  /** Python's power between operands, Markdown's bold elsewhere. */
  private void markdownOrPower() {
    boolean after = !tokens.isEmpty() && !space;
    char next = at + 2 < input.length() ? input.charAt(at + 2) : ' ';
    if (after && (isDigit(next) || isLetter(next) || next == '(' || next == '-')) {
      add(Token.Kind.SYMBOL, "^", null);
    }
    at += 2;
  }

  private void number() throws Unparsable {
    Matcher repeating = REPEATING.matcher(input).region(at, input.length());
    Matcher grouped = GROUPED.matcher(input).region(at, input.length());
    if (repeating.lookingAt()) {
      at = repeating.end();
      add(
          Token.Kind.NUMBER,
          repeating.group(),
          repeatingValue(repeating.group(1), repeating.group(2), repeating.group(3)));
    } else if (grouped.lookingAt() && (brackets == 0 || grouped.group().indexOf(',') < 0)) {
      at = grouped.end();
      String digits = grouped.group().replaceAll("[^\\d.]", "");
      add(Token.Kind.NUMBER, digits, decimal(digits));
    } else {
      Matcher decimal = DECIMAL.matcher(input).region(at, input.length());
      if (!decimal.lookingAt()) {
        throw new Unparsable("number");
      }
      at = decimal.end();
      add(Token.Kind.NUMBER, decimal.group(), decimal(decimal.group()));
    }
  }

  private static Rational decimal(String text) throws Unparsable {
    if (text.length() > MAX_DIGITS) {
      throw new Unparsable("number of " + text.length() + " digits");
    }
    BigDecimal value =
        new BigDecimal(text.endsWith(".") ? text.substring(0, text.length() - 1) : text);
    if (Math.abs((long) value.scale()) > MAX_DECIMAL_EXPONENT) {
      throw new Unparsable("exponent out of range");
    }
    return Rational.of(value);
  }

  private static Rational repeatingValue(String whole, String fixed, String period)
      throws Unparsable {
    Rational start = decimal((whole.isEmpty() ? "0" : whole) + "." + fixed + "0");
    Rational nines =
        new Rational(BigInteger.TEN.pow(period.length()).subtract(BigInteger.ONE), BigInteger.ONE);
    Rational shift = new Rational(BigInteger.TEN.pow(fixed.length()), BigInteger.ONE);
    return start.plus(decimal(period).dividedBy(nines.times(shift)));
  }

  private void command() throws Unparsable {
    int start = ++at;
    while (at < input.length() && isLetter(input.charAt(at))) {
      at++;
    }
    String name = input.substring(start, at);
    if (name.isEmpty()) {
      escaped();
    } else if (LAYOUT.contains(name)) {
      dropDelimiterDot(name);
      space = true;
    } else if (TEXT.contains(name)) {
      text(UPRIGHT.contains(name));
    } else if (SYMBOLS.containsKey(name)) {
      addSymbol(SYMBOLS.get(name));
    } else if (name.endsWith("dots")) {
      add(Token.Kind.LETTER, "…", null);
    } else if (name.equals("begin") || name.equals("end")) {
      String environment = group();
      add(name.equals("begin") ? Token.Kind.BEGIN : Token.Kind.END, environment, null);
    } else {
      add(Token.Kind.COMMAND, name, null);
    }
  }

  /** {@code \left.} and {@code \right.} draw nothing. */
  private void dropDelimiterDot(String name) {
    if ((name.equals("left") || name.equals("right"))
        && at < input.length()
        && input.charAt(at) == '.') {
      at++;
    }
  }

  /** A backslash before something that is no letter. */
  private void escaped() {
    char c = at < input.length() ? input.charAt(at++) : ' ';
    switch (c) {
      case '{', '}' -> addSymbol("\\" + c);
      case '\\' -> addSymbol("\\\\");
      case '|' -> addSymbol("|");
      case '%' -> addSymbol("%");
      default -> space = true; // spacing, \$, \( and \)
    }
  }

  /** Upright letters after a number are a unit, unless they are the numbers e and i. */
  private void text(boolean upright) throws Unparsable {
    while (at < input.length() && Character.isWhitespace(input.charAt(at))) {
      at++;
    }
    String content = group().strip();
    String name = content.toLowerCase(Locale.ROOT);
    if (FUNCTIONS.contains(name)) {
      add(Token.Kind.COMMAND, name, null);
    } else if (content.length() == 1 && isLetter(content.charAt(0))) {
      boolean unit = upright && afterNumber() && !content.equals("e") && !content.equals("i");
      add(unit ? Token.Kind.TEXT : Token.Kind.LETTER, content, null);
    } else if (content.chars().anyMatch(c -> isDigit((char) c)) || content.startsWith("\\")) {
      for (Token token : tokens(content)) {
        if (token.kind() != Token.Kind.STOP) {
          tokens.add(token);
        }
      }
    } else if (!content.isEmpty()) {
      add(Token.Kind.TEXT, content, null);
    }
  }

  private boolean afterNumber() {
    return !tokens.isEmpty() && tokens.get(tokens.size() - 1).kind() == Token.Kind.NUMBER;
  }

  /** The content of a braced group that starts here. */
  private String group() throws Unparsable {
    if (at >= input.length() || input.charAt(at) != '{') {
      throw new Unparsable("group");
    }
    int depth = 0;
    for (int i = at; i < input.length(); i++) {
      char c = input.charAt(i);
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
      if (depth == 0) {
        String content = input.substring(at + 1, i);
        at = i + 1;
        return content;
      }
    }
    throw new Unparsable("unclosed group");
  }

  private void letters() {
    int start = at;
    while (at < input.length() && isLetter(input.charAt(at))) {
      at++;
    }
    String run = input.substring(start, at);
    String lower = run.toLowerCase(Locale.ROOT);
    if (FUNCTIONS.contains(lower)) {
      add(Token.Kind.COMMAND, lower, null);
    } else if (PLAIN_NAMES.containsKey(lower)) {
      String name = PLAIN_NAMES.get(lower);
      if (SYMBOLS.containsKey(name)) {
        addSymbol(SYMBOLS.get(name));
      } else {
        add(Token.Kind.COMMAND, name, null);
      }
    } else if (run.length() == 1) {
      add(Token.Kind.LETTER, run, null);
    } else if (isProduct(run)) {
      for (int i = 0; i < run.length(); i++) {
        add(Token.Kind.LETTER, run.substring(i, i + 1), null);
      }
    } else {
      int function = functionPrefix(lower);
      if (function > 0) {
        add(Token.Kind.COMMAND, lower.substring(0, function), null);
        add(Token.Kind.LETTER, run.substring(function), null);
      } else {
        add(Token.Kind.WORD, run, null);
      }
    }
  }

  /** Letters that stand for factors rather than for a word: "ab", "xyz". */
  private static boolean isProduct(String run) {
    if (run.length() == 2) {
      return !SHORT_WORDS.contains(run);
    }
    return run.length() == 3 && run.chars().noneMatch(c -> "aeiouAEIOU".indexOf(c) >= 0)
        || run.equals("abc");
  }

  /** Length of the function name in "sinx", 0 if there is none. */
  private static int functionPrefix(String run) {
    int length = run.length() - 1;
    return FUNCTIONS.contains(run.substring(0, length)) ? length : 0;
  }

  private void symbol() {
    char c = input.charAt(at++);
    if (c == '{' && isEmptyGroup()) {
      at = input.indexOf('}', at) + 1;
      space = true;
    } else {
      addSymbol(String.valueOf(c));
    }
  }

  private boolean isEmptyGroup() {
    int i = at;
    while (i < input.length() && Character.isWhitespace(input.charAt(i))) {
      i++;
    }
    return i < input.length() && input.charAt(i) == '}';
  }

  private void addSymbol(String symbol) {
    switch (symbol) {
      case "(", "[", "\\{" -> brackets++;
      case ")", "]", "\\}" -> brackets = Math.max(0, brackets - 1);
      default -> {}
    }
    add(Token.Kind.SYMBOL, symbol, null);
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
}
