package org.rlkd.core.math;

/**
 * The text is not a mathematical answer that the parser knows; control flow inside this package, so
 * it has no stack trace.
 */
final class Unparsable extends Exception {
  Unparsable(String message) {
    super(message, null, false, false);
  }
}
