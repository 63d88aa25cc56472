package org.rlkd.engine.training;

import java.util.Optional;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.PackingStrategy;
import org.rlkd.core.config.SamplingStrategy;
import org.rlkd.core.config.SftConfig;
import org.rlkd.engine.memory.MemoryOptions;

/**
 * Options of {@link SftTrainer}.
 *
 * @param batchSize rows of a micro-batch ({@code per_device_train_batch_size})
 * @param gradientAccumulationSteps micro-batches of an optimizer step
 * @param epochs passes over the data ({@code num_train_epochs}), where {@code maxSteps} is 0
 * @param maxSteps optimizer steps of the run ({@code max_steps}); 0 = by epochs
 * @param maxLength longer sequences are cut off at the end ({@code max_length}), or into several
 *     under {@code bfd_split}; 0 = no limit
 * @param packing how documents share a row of {@code maxLength} tokens; empty: each document is a
 *     row
 * @param groupByLength whether a batch gathers sequences of similar length ({@code
 *     train_sampling_strategy: group_by_length})
 * @param schedule learning rate of each step
 * @param optimizer AdamW
 * @param seed of the order of the data
 * @param memory what an update may hold at once
 * @param mostSkippedInARow steps in a row that may be skipped because loss or gradient is not
 *     finite
 */
public record SftOptions(
    int batchSize,
    int gradientAccumulationSteps,
    double epochs,
    long maxSteps,
    int maxLength,
    Optional<PackingStrategy> packing,
    boolean groupByLength,
    LearningRateSchedule schedule,
    AdamWOptions optimizer,
    long seed,
    MemoryOptions memory,
    int mostSkippedInARow) {

  /** Steps in a row that may be skipped by default. */
  public static final int MOST_SKIPPED_IN_A_ROW = 5;

  public SftOptions {
    check(batchSize >= 1, "per_device_train_batch_size", batchSize, "at least 1");
    check(
        gradientAccumulationSteps >= 1,
        "gradient_accumulation_steps",
        gradientAccumulationSteps,
        "at least 1");
    check(maxSteps > 0 || epochs > 0, "num_train_epochs", epochs, "greater than 0");
    check(maxLength == 0 || maxLength >= 2, "max_length", maxLength, "0 (no limit) or at least 2");
    check(
        packing.isEmpty() || maxLength > 0,
        "max_length",
        maxLength,
        "a length for the rows of packed documents");
    check(mostSkippedInARow >= 0, "skipped steps in a row", mostSkippedInARow, "at least 0");
  }

  /** The options of a configuration. */
  public static SftOptions of(SftConfig config) {
    return new SftOptions(
        config.batchSize(),
        config.gradientAccumulationSteps(),
        config.run().numTrainEpochs(),
        Math.max(0, config.run().maxSteps()),
        config.maxLength(),
        config.packing(),
        config.sampling() == SamplingStrategy.GROUP_BY_LENGTH,
        LearningRateSchedule.of(config.optimizer()),
        AdamWOptions.of(config.optimizer()),
        config.run().seed(),
        MemoryOptions.of(config.machine()),
        config.run().maxSkippedSteps());
  }

  /** A run of so many steps of one micro-batch each, other options at their defaults. */
  public static SftOptions of(int batchSize, long maxSteps, LearningRateSchedule schedule) {
    return new SftOptions(
        batchSize,
        1,
        0,
        maxSteps,
        0,
        Optional.empty(),
        true,
        schedule,
        AdamWOptions.DEFAULT,
        0,
        MemoryOptions.DEFAULT,
        MOST_SKIPPED_IN_A_ROW);
  }

  public SftOptions withGradientAccumulationSteps(int value) {
    return new SftOptions(
        batchSize,
        value,
        epochs,
        maxSteps,
        maxLength,
        packing,
        groupByLength,
        schedule,
        optimizer,
        seed,
        memory,
        mostSkippedInARow);
  }

  /**
   * Packs documents into rows.
   *
   * @param length tokens of a row
   */
  public SftOptions withPacking(PackingStrategy strategy, int length) {
    return new SftOptions(
        batchSize,
        gradientAccumulationSteps,
        epochs,
        maxSteps,
        length,
        Optional.of(strategy),
        groupByLength,
        schedule,
        optimizer,
        seed,
        memory,
        mostSkippedInARow);
  }

  public SftOptions withOptimizer(AdamWOptions value) {
    return new SftOptions(
        batchSize,
        gradientAccumulationSteps,
        epochs,
        maxSteps,
        maxLength,
        packing,
        groupByLength,
        schedule,
        value,
        seed,
        memory,
        mostSkippedInARow);
  }

  public SftOptions withMemory(MemoryOptions value) {
    return new SftOptions(
        batchSize,
        gradientAccumulationSteps,
        epochs,
        maxSteps,
        maxLength,
        packing,
        groupByLength,
        schedule,
        optimizer,
        seed,
        value,
        mostSkippedInARow);
  }

  public SftOptions withSeed(long value) {
    return new SftOptions(
        batchSize,
        gradientAccumulationSteps,
        epochs,
        maxSteps,
        maxLength,
        packing,
        groupByLength,
        schedule,
        optimizer,
        value,
        memory,
        mostSkippedInARow);
  }

  private static void check(boolean valid, String name, Number found, String expected) {
    if (!valid) {
      throw new UsageException(name + ": found " + found + ", expected " + expected);
    }
  }
}
