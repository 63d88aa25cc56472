package org.rlkd.core.config;

/**
 * Sizes of GRPO's batches, in completions.
 *
 * <pre>
 * generationBatchSize = perDeviceTrainBatchSize * stepsPerGeneration     completions generated at once
 * generationBatchSize / numGenerations                                   prompts among them
 * perDeviceTrainBatchSize * gradientAccumulationSteps                    completions of one optimizer step
 * </pre>
 *
 * @param numGenerations completions of a prompt (G)
 * @param stepsPerGeneration micro-batches that a generation feeds; by default {@code
 *     gradientAccumulationSteps}
 * @param numIterations how often each generation is trained on
 */
public record BatchConfig(
    int perDeviceTrainBatchSize,
    int gradientAccumulationSteps,
    int numGenerations,
    int stepsPerGeneration,
    int numIterations) {

  /** Completions generated at once. */
  public int generationBatchSize() {
    return perDeviceTrainBatchSize * stepsPerGeneration;
  }

  /** Prompts of a generation. */
  public int promptsPerGeneration() {
    return generationBatchSize() / numGenerations;
  }

  static BatchConfig read(Values values) {
    int train = values.get(TrainingKeys.TRAIN_BATCH);
    int accumulation = values.get(TrainingKeys.ACCUMULATION);
    int generations = values.get(GrpoKeys.GENERATIONS);
    int steps = values.get(GrpoKeys.STEPS_PER_GENERATION).orElse(accumulation);
    if (values.get(GrpoKeys.GENERATION_BATCH).isPresent()) {
      int batch = values.get(GrpoKeys.GENERATION_BATCH).get();
      if (values.get(GrpoKeys.STEPS_PER_GENERATION).isPresent()) {
        values.complain(
            GrpoKeys.GENERATION_BATCH, "give either this or steps_per_generation, not both");
      }
      if (values.readable(TrainingKeys.TRAIN_BATCH) && batch % train != 0) {
        values.complain(
            GrpoKeys.GENERATION_BATCH,
            "found "
                + batch
                + ", expected a multiple of per_device_train_batch_size, which is "
                + train);
      }
      steps = Math.max(1, batch / train);
    }
    long size = (long) train * steps;
    boolean comparable =
        values.readable(
            TrainingKeys.TRAIN_BATCH,
            TrainingKeys.ACCUMULATION,
            GrpoKeys.GENERATIONS,
            GrpoKeys.STEPS_PER_GENERATION,
            GrpoKeys.GENERATION_BATCH);
    if (size > Integer.MAX_VALUE) {
      values.complain(
          TrainingKeys.TRAIN_BATCH, "a generation of " + size + " completions is too large");
    } else if (comparable && size % generations != 0) {
      values.complain(
          GrpoKeys.GENERATIONS,
          "found "
              + generations
              + ", which does not divide the generation batch of "
              + size
              + " completions (per_device_train_batch_size "
              + train
              + " x steps_per_generation "
              + steps
              + "); change one so that it does");
    }
    return new BatchConfig(
        train, accumulation, generations, steps, values.get(GrpoKeys.ITERATIONS));
  }
}
