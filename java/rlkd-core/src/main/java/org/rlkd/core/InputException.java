package org.rlkd.core;

/**
 * Something in the user's files or values cannot be used; the command line ends with exit code 1.
 *
 * <p>The message says what was found and where (file, line, row or tensor), what was expected, and
 * what to do. It is shown without a stack trace.
 */
public class InputException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public InputException(String message) {
    super(message);
  }

  public InputException(String message, Throwable cause) {
    super(message, cause);
  }
}
