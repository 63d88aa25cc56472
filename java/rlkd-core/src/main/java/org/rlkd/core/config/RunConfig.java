package org.rlkd.core.config;

import java.util.Optional;

/**
 * How long a run goes and what it writes, by the names of transformers' TrainingArguments.
 *
 * @param outputDir {@code trainer_output} where none is given, as in TRL
 * @param overwriteOutputDir whether a directory with an earlier run's files may be used without
 *     resuming it
 * @param resumeFromCheckpoint a checkpoint directory, or {@code true} for the newest in the output
 *     directory
 * @param seed of sampling, shuffling and initial weights
 * @param maxSteps optimizer steps; -1: {@code numTrainEpochs} decides
 * @param numTrainEpochs passes over the data set
 * @param loggingSteps steps between two rows of metrics
 * @param loggingFirstStep whether the first step is logged too
 * @param saveStrategy when checkpoints are written
 * @param saveSteps steps between two checkpoints
 * @param saveTotalLimit number of checkpoints kept; empty: all; the best one is kept beside them
 * @param evaluation evaluation during training, and what hangs on it
 * @param maxSkippedSteps steps in a row that may be skipped because loss or gradient is not finite
 */
public record RunConfig(
    String outputDir,
    boolean overwriteOutputDir,
    Optional<String> resumeFromCheckpoint,
    long seed,
    int maxSteps,
    double numTrainEpochs,
    int loggingSteps,
    boolean loggingFirstStep,
    SaveStrategy saveStrategy,
    int saveSteps,
    Optional<Integer> saveTotalLimit,
    EvaluationConfig evaluation,
    int maxSkippedSteps) {

  private static final String DEFAULT_OUTPUT_DIR = "trainer_output";

  static RunConfig read(Values values) {
    int maxSteps = values.get(TrainingKeys.MAX_STEPS);
    if (maxSteps == 0) {
      values.complain(
          TrainingKeys.MAX_STEPS,
          "found 0, expected a number of steps, or -1 to go by num_train_epochs");
    }
    return new RunConfig(
        values.get(TrainingKeys.OUTPUT_DIR).orElse(DEFAULT_OUTPUT_DIR),
        values.get(TrainingKeys.OVERWRITE),
        values.get(TrainingKeys.RESUME),
        values.get(TrainingKeys.SEED),
        maxSteps,
        values.get(TrainingKeys.EPOCHS),
        values.get(TrainingKeys.LOGGING_STEPS),
        values.get(TrainingKeys.LOGGING_FIRST_STEP),
        values.get(TrainingKeys.SAVE_STRATEGY),
        values.get(TrainingKeys.SAVE_STEPS),
        values.get(TrainingKeys.SAVE_TOTAL_LIMIT),
        EvaluationConfig.read(
            values, values.get(TrainingKeys.SAVE_STRATEGY), values.get(TrainingKeys.SAVE_STEPS)),
        values.get(TrainingKeys.MAX_SKIPPED));
  }
}
