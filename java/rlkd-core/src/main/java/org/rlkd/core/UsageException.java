package org.rlkd.core;

/**
 * The command or its configuration asks for something that does not exist or is not implemented;
 * the command line ends with exit code 2.
 *
 * <p>The message says what was found and where (option, file, line), what was expected, and what to
 * do. It is shown without a stack trace.
 */
public final class UsageException extends RuntimeException {

  public UsageException(String message) {
    super(message);
  }

  public UsageException(String message, Throwable cause) {
    super(message, cause);
  }
}
