package org.rlkd.engine.training;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Something that improves a model step by step and can be stopped and resumed between any two. One
 * owner thread, that of the model.
 */
public sealed interface Trainer extends AutoCloseable permits SftTrainer, GrpoTrainer {

  /**
   * One optimizer step.
   *
   * @return the metrics of the step by their TRL names, changeable by the caller
   * @throws org.rlkd.core.InputException if too many steps in a row had a loss or gradient that is
   *     not finite
   */
  Map<String, Double> step();

  /** Sets who hears of each stage of a step as it begins: generation, rewards, logprobs, update. */
  void onStage(Consumer<String> listener);

  /** The sequences of the last step, each as JSON's fields; see {@link SkippedBatch}. */
  List<Map<String, Object>> lastBatch();

  /** Optimizer steps done. */
  long stepsDone();

  /** Optimizer steps of the whole run; the learning-rate schedule ends there. */
  long totalSteps();

  /** Optimizer steps of one pass over the data, rounded up. */
  long stepsPerEpoch();

  /**
   * Writes everything besides the weights that the next step depends on: optimizer, position in the
   * data, what was sampled but not yet used up.
   *
   * @throws org.rlkd.core.InputException if it can't be written
   */
  void saveState(Path directory);

  /**
   * Continues from a saved state. The model must have the weights of the same checkpoint.
   *
   * @throws org.rlkd.core.InputException if the state is damaged or of a run with other options
   */
  void restoreState(Path directory);

  /** Frees the optimizer's memory; the model stays the caller's. */
  @Override
  void close();
}
