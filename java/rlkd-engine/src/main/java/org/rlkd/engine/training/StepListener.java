package org.rlkd.engine.training;

import java.util.Map;

/**
 * Looks at a run after each optimizer step, on its thread and before the metrics are recorded:
 * shows progress, evaluates the model, ends the run.
 */
@FunctionalInterface
public interface StepListener {
  /** Does nothing; the run goes on to its last step. */
  StepListener NONE = report -> true;

  /**
   * @return true to go on, false to end the run after this step
   */
  boolean afterStep(StepReport report);

  /**
   * Hears of an evaluation.
   *
   * @param step optimizer steps done; 0 before the first
   * @param metrics {@code eval_...}
   */
  default void afterEvaluation(long step, Map<String, Double> metrics) {}
}
