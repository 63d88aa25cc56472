package org.rlkd.core.chat.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens with the white-space rules that transformers sets: {@code
 * trim_blocks} (the newline after a statement or comment goes), {@code lstrip_blocks} (blanks
 * before one at a line's start go), {@code -} and {@code +} signs, and no newline at the end of the
 * template.
 */
final class Lexer {

  private static final Pattern SPACE = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern FLOAT =
      Pattern.compile(
          "(?<!\\.)(\\d+_)*\\d+((\\.(\\d+_)*\\d+)?[eE][+-]?(\\d+_)*\\d+|\\.(\\d+_)*\\d+)");
  private static final Pattern INTEGER =
      Pattern.compile("0[bB](_?[01])+|0[oO](_?[0-7])+|0[xX](_?[0-9a-fA-F])+|[1-9](_?\\d)*|0(_?0)*");
  private static final Pattern NAME = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern STRING =
      Pattern.compile(
          "'([^'\\\\]*(?:\\\\.[^'\\\\]*)*)'|\"([^\"\\\\]*(?:\\\\.[^\"\\\\]*)*)\"", Pattern.DOTALL);
  private static final Pattern OPERATOR =
      Pattern.compile("//|\\*\\*|==|!=|>=|<=|[-+/*%~\\[\\](){}><=.:|,;]");
  private static final Pattern RAW_BEGIN =
      Pattern.compile("\\{%[-+]?\\s*raw\\s*(?:-%\\}\\s*|%\\})");
  private static final Pattern RAW_END =
      Pattern.compile("\\{%([-+]?)\\s*endraw\\s*(?:\\+%\\}|-%\\}\\s*|%\\}\\n?)");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int position;
  private int countedTo;
  private int line = 1;

  /** Whether the text after the last tag starts a line: its end took the newline along. */
  private boolean lineStarting = true;

  private Lexer(String source) {
    String normalised = source.replace("\r\n", "\n").replace('\r', '\n');
    this.source =
        normalised.endsWith("\n") ? normalised.substring(0, normalised.length() - 1) : normalised;
  }

  static List<Token> tokens(String source) {
    Lexer lexer = new Lexer(source);
    lexer.root();
    lexer.add(Token.Kind.END, "");
    return lexer.tokens;
  }

  private void root() {
    while (position < source.length()) {
      int tag = nextTag(position);
      if (tag < 0) {
        add(Token.Kind.DATA, source.substring(position));
        position = source.length();
        return;
      }
      Matcher raw = at(RAW_BEGIN, tag);
      boolean variable = source.charAt(tag + 1) == '{';
      char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
      String text = stripBefore(source.substring(position, tag), sign, variable);
      if (!text.isEmpty()) {
        add(Token.Kind.DATA, text);
      }
      position = tag + (sign == '-' || sign == '+' ? 3 : 2);
      if (raw != null) {
        raw(raw.end());
      } else if (source.charAt(tag + 1) == '#') {
        comment();
      } else {
        add(
            variable ? Token.Kind.VARIABLE_BEGIN : Token.Kind.BLOCK_BEGIN,
            source.substring(tag, position));
        expression(
            variable ? "}}" : "%}", variable ? Token.Kind.VARIABLE_END : Token.Kind.BLOCK_END);
      }
    }
  }

  private int nextTag(int from) {
    for (int i = source.indexOf('{', from);
        i >= 0 && i + 1 < source.length();
        i = source.indexOf('{', i + 1)) {
      if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private String stripBefore(String text, char sign, boolean variable) {
    if (sign == '-') {
      return PythonText.strip(text, null, false, true);
    }
    if (sign != '+' && !variable) {
      int lineStart = text.lastIndexOf('\n') + 1;
      if ((lineStart > 0 || lineStarting) && SPACE.matcher(text.substring(lineStart)).matches()) {
        return text.substring(0, lineStart);
      }
    }
    return text;
  }

  private void raw(int begin) {
    Matcher end = RAW_END.matcher(source);
    if (!end.find(begin)) {
      throw error("missing end of raw directive");
    }
    char sign = end.group(1).isEmpty() ? ' ' : end.group(1).charAt(0);
    lineStarting = source.charAt(begin - 1) == '\n';
    String text = stripBefore(source.substring(begin, end.start()), sign, false);
    if (!text.isEmpty()) {
      add(Token.Kind.DATA, text);
    }
    finishTag(end.end());
  }

  private void comment() {
    int end = source.indexOf("#}", position);
    if (end < 0) {
      throw error("missing end of comment tag");
    }
    char sign = end > 0 ? source.charAt(end - 1) : ' ';
    finishTag(afterEnd(end + 2, sign, true));
  }

  /** Returns the place after an end tag and the white space that it takes along. */
  private int afterEnd(int afterTag, char sign, boolean trimsNewline) {
    if (sign == '-') {
      Matcher space = at(SPACE, afterTag);
      return space == null ? afterTag : space.end();
    }
    boolean newline = afterTag < source.length() && source.charAt(afterTag) == '\n';
    return trimsNewline && sign != '+' && newline ? afterTag + 1 : afterTag;
  }

  private void finishTag(int end) {
    lineStarting = source.charAt(end - 1) == '\n';
    position = end;
  }

  private void expression(String close, Token.Kind closeKind) {
    Deque<String> open = new ArrayDeque<>();
    while (position < source.length()) {
      if (open.isEmpty()) {
        char sign = source.charAt(position);
        boolean signed = sign == '-' || (sign == '+' && closeKind == Token.Kind.BLOCK_END);
        int at = signed ? position + 1 : position;
        if (source.startsWith(close, at)) {
          add(closeKind, close);
          finishTag(afterEnd(at + 2, signed ? sign : ' ', closeKind == Token.Kind.BLOCK_END));
          return;
        }
      }
      Matcher space = at(SPACE, position);
      if (space != null) {
        position = space.end();
      } else {
        token(open);
      }
    }
    throw error("unexpected end of template; expected '" + close + "'");
  }

  private void token(Deque<String> open) {
    Matcher m;
    if ((m = at(FLOAT, position)) != null) {
      add(Token.Kind.FLOAT, m.group().replace("_", ""));
    } else if ((m = at(INTEGER, position)) != null) {
      add(Token.Kind.INTEGER, m.group().replace("_", ""));
    } else if ((m = at(NAME, position)) != null) {
      add(Token.Kind.NAME, m.group());
    } else if ((m = at(STRING, position)) != null) {
      add(Token.Kind.STRING, unescape(m.group(1) != null ? m.group(1) : m.group(2)));
    } else if ((m = at(OPERATOR, position)) != null) {
      balance(open, m.group());
      add(Token.Kind.OPERATOR, m.group());
    } else {
      throw error("unexpected char '" + Character.toString(source.codePointAt(position)) + "'");
    }
    position = m.end();
  }

  private void balance(Deque<String> open, String operator) {
    switch (operator) {
      case "(" -> open.push(")");
      case "[" -> open.push("]");
      case "{" -> open.push("}");
      case ")", "]", "}" -> {
        if (open.isEmpty()) {
          throw error("unexpected '" + operator + "'");
        }
        String expected = open.pop();
        if (!expected.equals(operator)) {
          throw error("unexpected '" + operator + "', expected '" + expected + "'");
        }
      }
      default -> {}
    }
  }

  /** Python's escapes; an unknown one stays as it is written. */
  private String unescape(String literal) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < literal.length(); i++) {
      char c = literal.charAt(i);
      if (c != '\\' || i + 1 == literal.length()) {
        text.append(c);
        continue;
      }
      char escape = literal.charAt(++i);
      int hex = escape == 'x' ? 2 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
      if (hex > 0) {
        text.appendCodePoint(codePoint(literal, i + 1, hex));
        i += hex;
      } else if (escape >= '0' && escape <= '7') {
        int end = i;
        while (end < literal.length()
            && end < i + 3
            && literal.charAt(end) >= '0'
            && literal.charAt(end) <= '7') {
          end++;
        }
        text.append((char) Integer.parseInt(literal.substring(i, end), 8));
        i = end - 1;
      } else {
        int known = "\\'\"abfnrtv\n".indexOf(escape);
        if (known < 0) {
          text.append('\\').append(escape);
        } else if (escape != '\n') {
          text.append("\\'\"\u0007\b\f\n\r\t\u000B".charAt(known));
        }
      }
    }
    return text.toString();
  }

  private int codePoint(String literal, int from, int digits) {
    try {
      int codePoint = Integer.parseUnsignedInt(literal.substring(from, from + digits), 16);
      if (Character.isValidCodePoint(codePoint)) {
        return codePoint;
      }
    } catch (IndexOutOfBoundsException | NumberFormatException e) {
      // falls through to the error below
    }
    throw error("truncated or wrong escape in string '" + literal + "'");
  }

  private Matcher at(Pattern pattern, int place) {
    Matcher matcher =
        pattern.matcher(source).useTransparentBounds(true).region(place, source.length());
    return matcher.lookingAt() ? matcher : null;
  }

  private void add(Token.Kind kind, String text) {
    tokens.add(new Token(kind, text, line()));
  }

  private int line() {
    for (; countedTo < Math.min(position, source.length()); countedTo++) {
      if (source.charAt(countedTo) == '\n') {
        line++;
      }
    }
    return line;
  }

  private TemplateException error(String message) {
    return new TemplateException(message, line());
  }
}
