package org.rlkd.engine.training;

import java.util.Optional;
import java.util.Set;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.BatchConfig;
import org.rlkd.core.config.EntropyBonusConfig;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.config.SamplerRatioConfig;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.policy.GroupAdvantage;
import org.rlkd.engine.policy.PolicyLossOptions;

/**
 * Options of {@link GrpoTrainer}, with the meaning of TRL 1.16's GRPOConfig.
 *
 * @param batch sizes of micro-batch, optimizer step and generation batch
 * @param sampling how completions are sampled; its temperature is also that of the log-probs
 * @param maxPromptLength most tokens of a prompt; 0 = no limit
 * @param longPrompts what becomes of a longer prompt
 * @param advantage how rewards become advantages
 * @param loss policy loss
 * @param oldLogprobs where the log-probs of the sampling policy come from
 * @param maskTruncatedCompletions whether truncated completions have no part in the loss
 * @param skipZeroAdvantages whether completions of advantage 0 are not run through the network
 *     where their gradient is exactly 0. The update is the same up to rounding; entropy, ratio and
 *     clip metrics are then means over the other completions
 * @param epochs passes over the prompts ({@code num_train_epochs}), where {@code maxSteps} is 0
 * @param maxSteps optimizer steps of the run; 0 = by epochs
 * @param schedule learning rate of each step
 * @param optimizer AdamW
 * @param seed of the order of the prompts; that of the samples is in {@code sampling}
 * @param memory what an update may hold at once
 * @param mostSkippedInARow steps in a row that may be skipped because loss or gradient is not
 *     finite
 * @param shuffleDataset whether each epoch has an order of its own; false: that of the prompts
 * @param samplerRatio importance ratio between trainer and sampler; empty: none
 * @param entropyBonus the entropy bonus
 */
public record GrpoOptions(
    BatchConfig batch,
    SamplingParameters sampling,
    int maxPromptLength,
    LongPrompts longPrompts,
    GroupAdvantage.Options advantage,
    PolicyLossOptions loss,
    OldLogprobs oldLogprobs,
    boolean maskTruncatedCompletions,
    boolean skipZeroAdvantages,
    double epochs,
    long maxSteps,
    LearningRateSchedule schedule,
    AdamWOptions optimizer,
    long seed,
    MemoryOptions memory,
    int mostSkippedInARow,
    boolean shuffleDataset,
    Optional<SamplerRatioConfig> samplerRatio,
    EntropyBonusConfig entropyBonus) {

  public GrpoOptions {
    check(
        batch.generationBatchSize() % batch.numGenerations() == 0,
        "num_generations",
        batch.numGenerations(),
        "a divisor of the generation batch of " + batch.generationBatchSize() + " completions");
    check(
        advantage.groupSize() == batch.numGenerations(),
        "group size",
        advantage.groupSize(),
        "num_generations " + batch.numGenerations());
    check(
        sampling.temperature() > 0,
        "temperature",
        sampling.temperature(),
        "greater than 0: greedy completions of a prompt are all the same");
    check(maxPromptLength >= 0, "max_prompt_length", maxPromptLength, "at least 0 (no limit)");
    check(maxSteps > 0 || epochs > 0, "num_train_epochs", epochs, "greater than 0");
    check(mostSkippedInARow >= 0, "skipped steps in a row", mostSkippedInARow, "at least 0");
  }

  /**
   * The options of a configuration.
   *
   * @param eosTokenIds tokens that end a completion
   */
  public static GrpoOptions of(GrpoConfig config, Set<Integer> eosTokenIds) {
    SamplingParameters sampling =
        SamplingParameters.sample(config.sampling().maxCompletionLength())
            .withTemperature(config.sampling().temperature())
            .withTopK(config.sampling().topK())
            .withTopP(config.sampling().topP())
            .withMinP(config.sampling().minP())
            .withRepetitionPenalty(config.sampling().repetitionPenalty())
            .withEosTokenIds(eosTokenIds)
            .withSeed(config.run().seed());
    return new GrpoOptions(
        config.batch(),
        sampling,
        config.sampling().maxPromptLength().orElse(0),
        LongPrompts.REFUSE,
        new GroupAdvantage.Options(
            config.batch().numGenerations(),
            config.rewards().weights(),
            config.loss().scaleRewards(),
            config.loss().aggregation(),
            config.gsrm().unscorable()),
        PolicyLossOptions.of(config.loss()),
        OldLogprobs.RECOMPUTED,
        config.loss().maskTruncatedCompletions(),
        true,
        config.run().numTrainEpochs(),
        Math.max(0, config.run().maxSteps()),
        LearningRateSchedule.of(config.optimizer()),
        AdamWOptions.of(config.optimizer()),
        config.run().seed(),
        MemoryOptions.of(config.machine()),
        config.run().maxSkippedSteps(),
        config.shuffleDataset(),
        config.loss().samplerRatio(),
        config.loss().entropyBonus());
  }

  public GrpoOptions withMemory(MemoryOptions value) {
    return new GrpoOptions(
        batch,
        sampling,
        maxPromptLength,
        longPrompts,
        advantage,
        loss,
        oldLogprobs,
        maskTruncatedCompletions,
        skipZeroAdvantages,
        epochs,
        maxSteps,
        schedule,
        optimizer,
        seed,
        value,
        mostSkippedInARow,
        shuffleDataset,
        samplerRatio,
        entropyBonus);
  }

  /** Micro-batches for which a generation batch is used, over all iterations. */
  int microBatchesPerGeneration() {
    return batch.stepsPerGeneration() * batch.numIterations();
  }

  /** Whether the policy may have moved on when it trains on what it sampled. */
  boolean trainsOnOldSamples() {
    return batch.gradientAccumulationSteps() % microBatchesPerGeneration() != 0;
  }

  private static void check(boolean valid, String name, Number found, String expected) {
    if (!valid) {
      throw new UsageException(name + ": found " + found + ", expected " + expected);
    }
  }
}
