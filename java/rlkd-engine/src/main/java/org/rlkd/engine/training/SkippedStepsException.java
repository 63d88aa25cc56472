package org.rlkd.engine.training;

import org.rlkd.core.InputException;

/**
 * Too many steps in a row were skipped because loss or gradient was not finite. The weights are
 * those after the last step that was not skipped.
 */
final class SkippedStepsException extends InputException {
  private static final long serialVersionUID = 1;

  SkippedStepsException(String message) {
    super(message);
  }
}
