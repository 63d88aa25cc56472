package org.rlkd.core.chat.jinja;

/**
 * One token of a template.
 *
 * @param text name, operator or literal text; the decoded string for a string literal
 * @param line from 1
 */
record Token(Kind kind, String text, int line) {

  enum Kind {
    DATA,
    VARIABLE_BEGIN,
    VARIABLE_END,
    BLOCK_BEGIN,
    BLOCK_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean is(Kind wanted) {
    return kind == wanted;
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  String describe() {
    return switch (kind) {
      case END -> "end of template";
      case DATA -> "text";
      case BLOCK_END -> "end of statement block";
      case VARIABLE_END -> "end of print statement";
      default -> "'" + text + "'";
    };
  }
}
