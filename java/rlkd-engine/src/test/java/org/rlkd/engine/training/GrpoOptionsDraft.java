package org.rlkd.engine.training;

import java.util.Optional;
import java.util.function.Consumer;
import org.rlkd.core.config.BatchConfig;
import org.rlkd.core.config.EntropyBonusConfig;
import org.rlkd.core.config.SamplerRatioConfig;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.policy.GroupAdvantage;
import org.rlkd.engine.policy.PolicyLossOptions;

/** The values of some {@link GrpoOptions}, for tests that change a few of them. */
final class GrpoOptionsDraft {
  BatchConfig batch;
  SamplingParameters sampling;
  int maxPromptLength;
  LongPrompts longPrompts;
  GroupAdvantage.Options advantage;
  PolicyLossOptions loss;
  OldLogprobs oldLogprobs;
  boolean maskTruncatedCompletions;
  boolean skipZeroAdvantages;
  double epochs;
  long maxSteps;
  LearningRateSchedule schedule;
  AdamWOptions optimizer;
  long seed;
  MemoryOptions memory;
  int mostSkippedInARow;
  boolean shuffleDataset;
  Optional<SamplerRatioConfig> samplerRatio;
  EntropyBonusConfig entropyBonus;

  private GrpoOptionsDraft(GrpoOptions from) {
    batch = from.batch();
    sampling = from.sampling();
    maxPromptLength = from.maxPromptLength();
    longPrompts = from.longPrompts();
    advantage = from.advantage();
    loss = from.loss();
    oldLogprobs = from.oldLogprobs();
    maskTruncatedCompletions = from.maskTruncatedCompletions();
    skipZeroAdvantages = from.skipZeroAdvantages();
    epochs = from.epochs();
    maxSteps = from.maxSteps();
    schedule = from.schedule();
    optimizer = from.optimizer();
    seed = from.seed();
    memory = from.memory();
    mostSkippedInARow = from.mostSkippedInARow();
    shuffleDataset = from.shuffleDataset();
    samplerRatio = from.samplerRatio();
    entropyBonus = from.entropyBonus();
  }

  /** The options with what {@code change} sets. */
  static GrpoOptions change(GrpoOptions options, Consumer<GrpoOptionsDraft> change) {
    GrpoOptionsDraft draft = new GrpoOptionsDraft(options);
    change.accept(draft);
    return new GrpoOptions(
        draft.batch,
        draft.sampling,
        draft.maxPromptLength,
        draft.longPrompts,
        draft.advantage,
        draft.loss,
        draft.oldLogprobs,
        draft.maskTruncatedCompletions,
        draft.skipZeroAdvantages,
        draft.epochs,
        draft.maxSteps,
        draft.schedule,
        draft.optimizer,
        draft.seed,
        draft.memory,
        draft.mostSkippedInARow,
        draft.shuffleDataset,
        draft.samplerRatio,
        draft.entropyBonus);
  }
}
