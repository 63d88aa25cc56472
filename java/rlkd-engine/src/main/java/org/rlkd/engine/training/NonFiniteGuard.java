package org.rlkd.engine.training;

/**
 * Counts the steps that were skipped because of NaN or infinity, and ends a run that has too many
 * in a row.
 */
final class NonFiniteGuard {
  private final int mostInARow;
  private long inARow;

  NonFiniteGuard(int mostInARow) {
    this.mostInARow = mostInARow;
  }

  long inARow() {
    return inARow;
  }

  void restore(long inARow) {
    this.inARow = inARow;
  }

  /**
   * Notes a step.
   *
   * @param step number of the step
   * @throws SkippedStepsException if it is one too many
   */
  void afterStep(long step, double loss, Update update) {
    inARow = update.applied() ? 0 : inARow + 1;
    if (inARow > mostInARow) {
      throw new SkippedStepsException(
          "Training stopped at step "
              + step
              + ": the loss or the gradient was not finite in "
              + inARow
              + " steps in a row (now loss "
              + loss
              + ", gradient norm "
              + update.gradNorm()
              + "). The weights are those of the last step that was not skipped. Lower"
              + " learning_rate or max_grad_norm, or allow more by rlkd.max_skipped_steps.");
    }
  }
}
