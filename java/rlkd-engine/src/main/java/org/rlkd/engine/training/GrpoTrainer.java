package org.rlkd.engine.training;

import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardMatrix;
import org.rlkd.core.reward.RewardSample;
import org.rlkd.engine.generation.Completion;
import org.rlkd.engine.generation.FinishReason;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.generation.GenerationProgress;
import org.rlkd.engine.generation.GenerationRequest;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.policy.CompletionLengths;
import org.rlkd.engine.policy.EntropyCoefficient;
import org.rlkd.engine.policy.GroupAdvantage;
import org.rlkd.engine.tokenizer.Tokenizer;

/**
 * Group relative policy optimisation, as TRL 1.16's GRPOTrainer computes it on one process.
 *
 * <p>Models, generator, tokenizer, rewards and log stay the caller's; the model can be used between
 * steps.
 */
public final class GrpoTrainer implements Trainer {
  private static final String NAME = "grpo";
  private static final String OPTIMIZER_FILE = "optimizer.safetensors";
  private static final String ROLLOUT_FILE = "rollouts.safetensors";

  private final CausalLm model;
  private final CausalLm reference;
  private final Generator generator;
  private final Tokenizer tokenizer;
  private final List<GrpoPrompt> prompts;
  private final int droppedPrompts;
  private final List<Reward> rewards;
  private final GrpoOptions options;
  private final CompletionLog completionLog;
  private final AdamW optimizer;
  private final PolicyUpdate policy;
  private final EntropyCoefficient entropy;
  private final NonFiniteGuard guard;
  private final String fingerprint;
  private long step;
  private long tokens;
  private List<Rollout> rollouts = List.of();
  private long updatesAtSampling;
  private final List<Rollout> lastBatch = new ArrayList<>();
  private Consumer<String> stageListener = stage -> {};

  /**
   * A trainer at step 0.
   *
   * @param model the policy
   * @param reference frozen model of the KL term; {@code model} itself if it is adapted (its own
   *     weights are the reference then); null if beta is 0
   * @param generator samples from {@code model}
   * @param tokenizer decodes completions for the rewards
   * @param rewards functions in the order of the reward weights
   * @param completionLog receives every completion; null = none
   * @throws InputException if there are too few prompts for one generation batch, or one is longer
   *     than {@code maxPromptLength} and that is to be refused
   */
  public GrpoTrainer(
      CausalLm model,
      CausalLm reference,
      Generator generator,
      Tokenizer tokenizer,
      List<GrpoPrompt> prompts,
      List<Reward> rewards,
      GrpoOptions options,
      CompletionLog completionLog) {
    this.model = model;
    this.reference = reference;
    this.generator = generator;
    this.tokenizer = tokenizer;
    this.prompts = usable(prompts, options);
    this.droppedPrompts = prompts.size() - this.prompts.size();
    this.rewards = List.copyOf(rewards);
    this.options = options;
    this.completionLog = completionLog;
    requireEnoughPrompts();
    if (rewards.size() != options.advantage().weights().size()) {
      throw new UsageException(
          "reward_weights: found "
              + options.advantage().weights().size()
              + " weights, expected one for each of the "
              + rewards.size()
              + " reward functions "
              + rewards.stream().map(Reward::name).toList());
    }
    if (options.loss().beta() != 0 && reference == null) {
      throw new UsageException(
          "beta is " + options.loss().beta() + ", which needs a reference model");
    }
    this.fingerprint = fingerprint(this.prompts);
    this.optimizer = new AdamW(model, options.optimizer());
    this.policy = new PolicyUpdate(model, options);
    this.entropy = EntropyCoefficient.of(options.entropyBonus());
    this.guard = new NonFiniteGuard(options.mostSkippedInARow());
  }

  @Override
  public Map<String, Double> step() {
    try (PolicyUpdate.Sums sums = new PolicyUpdate.Sums()) {
      return step(sums);
    }
  }

  private Map<String, Double> step(PolicyUpdate.Sums sums) {
    StageClock clock = new StageClock(stageListener);
    Map<String, Double> metrics = new LinkedHashMap<>();
    long tokensBefore = tokens;
    lastBatch.clear();
    optimizer.zeroGrad();
    int microBatches = options.batch().gradientAccumulationSteps();
    for (long microBatch = step * microBatches;
        microBatch < (step + 1) * microBatches;
        microBatch++) {
      if (microBatch % options.microBatchesPerGeneration() == 0) {
        sample(microBatch / options.microBatchesPerGeneration(), clock, metrics);
      }
      clock.begin("update");
      List<Rollout> batch = microBatch(microBatch);
      lastBatch.addAll(batch);
      model.train(
          options.seed(),
          microBatch,
          () -> policy.accumulate(batch, itemsInBatch(), fresh(), entropy.bonus(), sums));
    }
    double learningRate = options.schedule().rate(step, totalSteps());
    optimizer.begin(learningRate, sums.deviceLoss());
    Update update = optimizer.end();
    sums.read();
    clock.end();
    step++;
    guard.afterStep(step, sums.loss(), update);

    metrics.putAll(sums.metrics(options));
    if (options.entropyBonus().isOn()) {
      metrics.put(
          "entropy_coef",
          update.applied() ? entropy.update(sums.entropy()) : entropy.coefficient());
    }
    metrics.put("grad_norm", update.gradNorm());
    metrics.put("learning_rate", learningRate);
    metrics.put("epoch", step / epochSteps());
    metrics.put("num_tokens", (double) tokens);
    metrics.put("skipped_steps", (double) (step - optimizer.updates()));
    clock.byStage().forEach((stage, seconds) -> metrics.put("time/" + stage, seconds));
    metrics.put("step_time", clock.total());
    metrics.put("tokens_per_second", (tokens - tokensBefore) / clock.total());
    return metrics;
  }

  /** Prompts to completions, rewards, advantages: the rollouts of the next micro-batches. */
  private void sample(long generation, StageClock clock, Map<String, Double> metrics) {
    clock.begin("generation");
    List<SampledCompletion> completions = complete(generation);

    clock.begin("rewards");
    RewardMatrix scores =
        RewardMatrix.score(rewards, completions.stream().map(GrpoTrainer::sample).toList());
    requireFinite(scores, completions);

    clock.begin("logprobs");
    GroupAdvantage.Result advantages =
        GroupAdvantage.compute(scores, options.advantage(), model.device());
    rollouts = shuffled(rollouts(completions, advantages.advantages()), generation);
    updatesAtSampling = optimizer.updates();
    rollouts = withOtherLogprobs(rollouts);

    tokens += rollouts.stream().mapToLong(Rollout::length).sum();
    metrics.putAll(advantages.metrics());
    rewards.forEach(reward -> metrics.putAll(reward.metrics()));
    metrics.putAll(
        CompletionLengths.of(completions.stream().map(SampledCompletion::completion).toList())
            .metrics());
    metrics.put(
        "completions/not_finite",
        (double) completions.stream().filter(c -> notFinite(c.completion())).count());
    if (completionLog != null) {
      completionLog.write(step + 1, completions, scores, advantages.advantages());
    }
  }

  private List<SampledCompletion> complete(long generation) {
    int[] chosen = promptsOf(generation);
    List<GenerationRequest> requests = new ArrayList<>();
    for (int index : chosen) {
      requests.add(
          new GenerationRequest(
              prompts.get(index).tokens(), options.batch().numGenerations(), index));
    }
    Map<Integer, List<SampledCompletion>> groups = new TreeMap<>();
    generator.generate(
        requests,
        options.sampling(),
        generation,
        new GenerationListener() {
          @Override
          public boolean onStep(GenerationProgress progress) {
            return true;
          }

          @Override
          public void onGroup(int request, List<Completion> completions) {
            List<SampledCompletion> group = decoded(prompts.get(chosen[request]), completions);
            groups.put(request, group);
            List<RewardSample> samples = group.stream().map(GrpoTrainer::sample).toList();
            rewards.forEach(reward -> reward.announce(samples));
          }
        });
    return groups.values().stream().flatMap(List::stream).toList();
  }

  private List<SampledCompletion> decoded(GrpoPrompt prompt, List<Completion> completions) {
    return completions.stream()
        .map(c -> new SampledCompletion(prompt, c, tokenizer.decode(c.tokens(), true)))
        .toList();
  }

  /**
   * Indices of a generation's prompts: each epoch goes through all in whole batches, in a new
   * random order or in their own.
   */
  private int[] promptsOf(long generation) {
    int size = options.batch().promptsPerGeneration();
    int inEpoch = prompts.size() / size;
    int[] order =
        options.shuffleDataset()
            ? SequenceOrder.permutation(prompts.size(), options.seed(), generation / inEpoch)
            : IntStream.range(0, prompts.size()).toArray();
    int first = (int) (generation % inEpoch) * size;
    return Arrays.copyOfRange(order, first, first + size);
  }

  private List<Rollout> rollouts(List<SampledCompletion> completions, float[] advantages) {
    List<Rollout> made = new ArrayList<>();
    for (int i = 0; i < completions.size(); i++) {
      Completion completion = completions.get(i).completion();
      boolean masked =
          options.maskTruncatedCompletions() && completion.finishReason().isTruncated();
      made.add(
          Rollout.of(
              completions.get(i).prompt().tokens(),
              completion,
              !masked && !notFinite(completion),
              advantages[i]));
    }
    return made;
  }

  /**
   * As TRL does before it cuts a generation batch into micro-batches. Then the completions of each
   * optimizer step are put together by prompt, so that a micro-batch computes few prompts.
   */
  private List<Rollout> shuffled(List<Rollout> batch, long generation) {
    int[] order = SequenceOrder.permutation(batch.size(), ~options.seed(), generation);
    int stepSize =
        options.batch().perDeviceTrainBatchSize()
            * Math.min(
                options.batch().gradientAccumulationSteps(), options.batch().stepsPerGeneration());
    List<Rollout> shuffled = new ArrayList<>();
    for (int first = 0; first < order.length; first += stepSize) {
      Map<IntBuffer, List<Rollout>> byPrompt = new LinkedHashMap<>();
      for (int i = first; i < Math.min(order.length, first + stepSize); i++) {
        Rollout rollout = batch.get(order[i]);
        byPrompt
            .computeIfAbsent(IntBuffer.wrap(rollout.prompt()), prompt -> new ArrayList<>())
            .add(rollout);
      }
      byPrompt.values().forEach(shuffled::addAll);
    }
    return shuffled;
  }

  private List<Rollout> withOtherLogprobs(List<Rollout> batch) {
    List<Rollout> done = new ArrayList<>(batch);
    if (options.trainsOnOldSamples()) {
      boolean recompute = options.oldLogprobs() == OldLogprobs.RECOMPUTED;
      List<float[]> old = recompute ? policy.logprobs(model, batch) : null;
      for (int i = 0; i < done.size(); i++) {
        Rollout rollout = done.get(i);
        done.set(i, rollout.withOldLogprobs(recompute ? old.get(i) : rollout.samplerLogprobs()));
      }
    }
    return withReferenceLogprobs(done);
  }

  private List<Rollout> withReferenceLogprobs(List<Rollout> batch) {
    if (options.loss().beta() == 0) {
      return batch;
    }
    List<float[]> ref =
        reference == model
            ? model.withoutAdapter(() -> policy.logprobs(model, batch))
            : policy.logprobs(reference, batch);
    List<Rollout> done = new ArrayList<>();
    for (int i = 0; i < batch.size(); i++) {
      done.add(batch.get(i).withRefLogprobs(ref.get(i)));
    }
    return done;
  }

  /**
   * The loss of completions that the model has sampled for evaluation, batch by batch, averaged
   * over the batches by their sizes, and the other metrics of the loss.
   *
   * @param completions at least one
   * @param batchSize of a batch; the last one may be smaller
   */
  Map<String, Double> evaluate(List<Rollout> completions, int batchSize) {
    double loss = 0;
    try (PolicyUpdate.Sums all = new PolicyUpdate.Sums()) {
      for (int first = 0; first < completions.size(); first += batchSize) {
        List<Rollout> batch =
            withReferenceLogprobs(
                completions.subList(first, Math.min(completions.size(), first + batchSize)));
        try (PolicyUpdate.Sums sums = new PolicyUpdate.Sums()) {
          policy.evaluate(batch, entropy.bonus(), sums);
          sums.read();
          loss += sums.loss() * batch.size() / completions.size();
          all.include(sums);
        }
      }
      Map<String, Double> metrics = all.metrics(options);
      metrics.put("loss", loss);
      return metrics;
    }
  }

  private List<Rollout> microBatch(long microBatch) {
    int size = options.batch().perDeviceTrainBatchSize();
    int first = (int) (microBatch % options.batch().stepsPerGeneration()) * size;
    return rollouts.subList(first, first + size);
  }

  private long itemsInBatch() {
    return rollouts.stream().mapToLong(Rollout::trainedTokens).sum();
  }

  /** Whether the policy is still the one that sampled the rollouts. */
  private boolean fresh() {
    return optimizer.updates() == updatesAtSampling;
  }

  private static RewardSample sample(SampledCompletion sampled) {
    Completion completion = sampled.completion();
    return new RewardSample(
        sampled.prompt().problem(),
        sampled.text(),
        completion.length(),
        completion.finishReason().isTruncated());
  }

  private static boolean notFinite(Completion completion) {
    return completion.finishReason() == FinishReason.NON_FINITE_LOGITS;
  }

  private static void requireFinite(RewardMatrix scores, List<SampledCompletion> completions) {
    for (int i = 0; i < completions.size(); i++) {
      for (int f = 0; f < scores.names().size(); f++) {
        if (Double.isInfinite(scores.values()[i][f])) {
          throw new InputException(
              "Reward "
                  + scores.names().get(f)
                  + " of a completion of problem "
                  + completions.get(i).prompt().problem().id()
                  + " is infinite, expected a number, or NaN for unscorable.");
        }
      }
    }
  }

  private void requireEnoughPrompts() {
    int needed = options.batch().promptsPerGeneration();
    if (prompts.size() < needed) {
      throw new InputException(
          "The data set has "
              + prompts.size()
              + " usable prompts"
              + (droppedPrompts > 0
                  ? " (" + droppedPrompts + " longer than max_prompt_length left out)"
                  : "")
              + ", one generation batch takes "
              + needed
              + " (per_device_train_batch_size x steps_per_generation / num_generations). Add"
              + " problems or make the batch smaller.");
    }
  }

  private static List<GrpoPrompt> usable(List<GrpoPrompt> prompts, GrpoOptions options) {
    int most = options.maxPromptLength();
    if (most == 0) {
      return List.copyOf(prompts);
    }
    if (options.longPrompts() == LongPrompts.REFUSE) {
      for (GrpoPrompt prompt : prompts) {
        if (prompt.tokens().length > most) {
          throw new InputException(
              "The prompt of problem "
                  + prompt.problem().id()
                  + " has "
                  + prompt.tokens().length
                  + " tokens, max_prompt_length is "
                  + most
                  + ". Raise it, or remove the problem.");
        }
      }
    }
    return prompts.stream().filter(prompt -> prompt.tokens().length <= most).toList();
  }

  /** Prompts left out because they are longer than {@code maxPromptLength}. */
  public int droppedPrompts() {
    return droppedPrompts;
  }

  @Override
  public void onStage(Consumer<String> listener) {
    stageListener = listener;
  }

  @Override
  public List<Map<String, Object>> lastBatch() {
    return lastBatch.stream().map(this::describe).toList();
  }

  private Map<String, Object> describe(Rollout rollout) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("prompt", rollout.prompt());
    fields.put("completion", rollout.completion());
    fields.put("text", tokenizer.decode(rollout.completion(), true));
    fields.put("trained", rollout.trained());
    fields.put("advantage", rollout.advantage());
    fields.put("sampler_logprobs", rollout.samplerLogprobs());
    fields.put("old_logprobs", rollout.oldLogprobs());
    fields.put("ref_logprobs", rollout.refLogprobs());
    return fields;
  }

  @Override
  public long stepsDone() {
    return step;
  }

  @Override
  public long totalSteps() {
    if (options.maxSteps() > 0) {
      return options.maxSteps();
    }
    return Math.max(1, (long) Math.ceil(options.epochs() * epochSteps()));
  }

  @Override
  public long stepsPerEpoch() {
    return Math.max(1, (long) Math.ceil(epochSteps()));
  }

  private double epochSteps() {
    long generations = prompts.size() / options.batch().promptsPerGeneration();
    return (double) generations
        * options.microBatchesPerGeneration()
        / options.batch().gradientAccumulationSteps();
  }

  @Override
  public void saveState(Path directory) {
    optimizer.save(directory.resolve(OPTIMIZER_FILE));
    if (midGeneration()) {
      RolloutFile.write(directory.resolve(ROLLOUT_FILE), rollouts);
    }
    if (options.entropyBonus().isOn()) {
      EntropyFile.write(directory.resolve(EntropyFile.NAME), entropy);
    }
    if (completionLog != null) {
      completionLog.sync();
    }
    new TrainerState(
            NAME,
            step,
            optimizer.updates(),
            guard.inARow(),
            tokens,
            TrainerState.optionsOf(options),
            fingerprint)
        .write(directory);
  }

  @Override
  public void restoreState(Path directory) {
    TrainerState state = TrainerState.read(directory);
    state.requireSameRun(directory, NAME, TrainerState.optionsOf(options), fingerprint);
    optimizer.restore(directory.resolve(OPTIMIZER_FILE), state.updates());
    step = state.step();
    tokens = state.tokens();
    guard.restore(state.skippedInARow());
    if (options.entropyBonus().isOn()) {
      EntropyFile.read(directory.resolve(EntropyFile.NAME), entropy);
    }
    if (midGeneration()) {
      rollouts = RolloutFile.read(directory.resolve(ROLLOUT_FILE));
      updatesAtSampling = -1;
    }
  }

  /** Whether the next step begins with rollouts that are sampled already. */
  private boolean midGeneration() {
    return step * options.batch().gradientAccumulationSteps() % options.microBatchesPerGeneration()
        != 0;
  }

  @Override
  public void close() {
    optimizer.close();
    policy.close();
  }

  private static String fingerprint(List<GrpoPrompt> prompts) {
    DataFingerprint fingerprint = new DataFingerprint();
    prompts.forEach(prompt -> fingerprint.add(prompt.tokens()));
    return fingerprint.hex();
  }
}
