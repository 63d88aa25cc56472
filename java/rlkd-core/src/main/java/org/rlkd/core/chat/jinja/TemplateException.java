package org.rlkd.core.chat.jinja;

/**
 * A template that cannot be parsed or rendered. The message says why, in Jinja's words where it has
 * them.
 */
public final class TemplateException extends RuntimeException {

  private static final int UNKNOWN_LINE = 0;

  private final int line;

  TemplateException(String message) {
    this(message, UNKNOWN_LINE);
  }

  TemplateException(String message, int line) {
    super(message);
    this.line = line;
  }

  /** Line of the template, from 1, or 0 where it is not known. */
  public int line() {
    return line;
  }

  /** This error with a line, if it has none yet. */
  TemplateException at(int place) {
    if (line != UNKNOWN_LINE) {
      return this;
    }
    TemplateException located = new TemplateException(getMessage(), place);
    located.setStackTrace(getStackTrace());
    return located;
  }
}
