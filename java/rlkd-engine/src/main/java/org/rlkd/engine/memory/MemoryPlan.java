package org.rlkd.engine.memory;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.rlkd.core.UsageException;

/**
 * How a run uses the memory that it may have ({@code rlkd.memory.budget}): the tile of logits, the
 * parts of a micro-batch, and the cache of keys and values, as large as is of use and fits. It
 * depends on the configuration and the data alone, so that a resumed run has the same parts.
 *
 * @param options of the update
 * @param keyValueBytes most bytes for keys and values
 * @param estimate what the run then holds
 */
public record MemoryPlan(MemoryOptions options, long keyValueBytes, MemoryEstimate estimate) {
  /** JVM, its heap, LibTorch, librlkd and the tokenizer, measured: 290 to 380 MiB. */
  static final long PROCESS = 320L << 20;

  /** Rows of logits that generation holds at once. */
  private static final int LOGITS_ROWS = 64;

  /** Tokens of prompts that generation runs at once. */
  private static final int PROMPT_CHUNK = 256;

  /** What the allocator keeps beyond the activations, as a share of them, measured: 0 to 25 %. */
  private static final double SLACK = 0.15;

  /** Memory for activations where no budget is given. */
  private static final long ACTIVATIONS = 2L << 30;

  private static final long LEAST_TILE = 1L << 20;

  /**
   * What a run computes.
   *
   * @param model that is trained
   * @param otherModels bytes of the weights of models beside it: reference, decomposer, judge
   * @param longestSequence tokens of the longest sequence, its prompt included: it cannot be
   *     divided
   * @param microBatch tokens of a micro-batch at most
   * @param sampling what generation needs; empty where nothing is sampled
   */
  public record Workload(
      ModelMemory model,
      long otherModels,
      long longestSequence,
      long microBatch,
      Optional<Sampling> sampling) {}

  /**
   * Keys and values that generation asks for.
   *
   * @param least bytes of one prompt with one completion
   * @param all bytes of everything that is sampled at once
   */
  public record Sampling(long least, long all) {}

  /**
   * Plans a run.
   *
   * @param wanted sizes that are not exceeded
   * @param keyValues most bytes for keys and values
   * @param budget bytes that the process may have; empty: as wanted
   * @throws UsageException if the run cannot fit into the budget, with the arithmetic
   */
  public static MemoryPlan of(
      Workload work, MemoryOptions wanted, long keyValues, Optional<Long> budget) {
    ModelMemory model = work.model();
    Map<String, Long> always = held(model, work.otherModels());
    long perToken = model.activations(wanted.gradientCheckpointing());
    long most = Math.max(work.longestSequence(), Math.min(work.microBatch(), wanted.tokens()));
    long tokens = clamp(ACTIVATIONS / perToken, work.longestSequence(), most);
    long tile = Math.max(model.headRow(), Math.min(wanted.logits(), most * model.headRow()));
    long cache = work.sampling().map(sampling -> Math.min(keyValues, sampling.all())).orElse(0L);
    if (budget.isPresent()) {
      long room = budget.get() - MemoryEstimate.sum(always);
      long leastTile = Math.max(model.headRow(), Math.min(LEAST_TILE, tile));
      long longest = withSlack(work.longestSequence() * perToken);
      tile = clamp(Math.min(room / 8, room - longest), leastTile, tile);
      tokens =
          clamp((long) ((room - tile) / (perToken * (1 + SLACK))), work.longestSequence(), most);
      cache =
          work.sampling()
              .map(s -> clamp(room - decoding(model), s.least(), Math.min(keyValues, s.all())))
              .orElse(0L);
    }
    Map<String, Long> generation = new LinkedHashMap<>();
    if (work.sampling().isPresent()) {
      generation.put("keys and values", cache);
      generation.put("logits and buffers of a decoding step", decoding(model));
    }
    MemoryEstimate estimate =
        new MemoryEstimate(always, generation, update(model, tokens, tile, perToken));
    if (budget.isPresent() && estimate.peak() > budget.get()) {
      throw doesNotFit(budget.get(), estimate, work, wanted);
    }
    MemoryOptions options = wanted.withLogits(Math.min(wanted.logits(), tile)).withTokens(tokens);
    return new MemoryPlan(options, Math.max(cache, 1), estimate);
  }

  /**
   * Refuses a model that does not fit before it is loaded.
   *
   * @throws UsageException if weights, gradients and optimizer state alone exceed the budget
   */
  public static void requireRoom(ModelMemory model, long otherModels, Optional<Long> budget) {
    MemoryEstimate estimate = new MemoryEstimate(held(model, otherModels), Map.of(), Map.of());
    if (budget.isPresent() && estimate.peak() > budget.get()) {
      throw new UsageException(
          refusal(budget.get(), estimate)
              + "Raise the budget, train a smaller model, or train an adapter (use_peft: true).");
    }
  }

  private static Map<String, Long> held(ModelMemory model, long otherModels) {
    Map<String, Long> always = new LinkedHashMap<>();
    always.put("process (JVM, LibTorch, tokenizer)", PROCESS);
    always.put("weights", model.weights());
    if (otherModels > 0) {
      always.put("weights of other models (reference, rewards)", otherModels);
    }
    always.put("gradients", model.trained());
    always.put("optimizer state (2 moments)", 2 * model.trained());
    return always;
  }

  private static Map<String, Long> update(
      ModelMemory model, long tokens, long tile, long perToken) {
    Map<String, Long> update = new LinkedHashMap<>();
    update.put("tile of logits, %,d rows".formatted(tile / model.headRow()), tile);
    update.put(
        "activations, %,d tokens x %,.1f KiB".formatted(tokens, perToken / 1024.0),
        tokens * perToken);
    update.put(
        "slack of the allocator, %.0f %% of the activations".formatted(100 * SLACK),
        withSlack(tokens * perToken) - tokens * perToken);
    return update;
  }

  private static long decoding(ModelMemory model) {
    return LOGITS_ROWS * model.headRow()
        + PROMPT_CHUNK * (model.keptByLayer() + model.layerInput());
  }

  private static long withSlack(long activations) {
    return (long) Math.ceil(activations * (1 + SLACK));
  }

  private static UsageException doesNotFit(
      long budget, MemoryEstimate estimate, Workload work, MemoryOptions wanted) {
    String advice =
        "The longest sequence has %,d tokens and cannot be divided: raise the budget, or lower %s%s%s."
            .formatted(
                work.longestSequence(),
                work.sampling().isPresent() ? "max_completion_length" : "max_length",
                wanted.gradientCheckpointing() ? "" : ", or set gradient_checkpointing: true",
                work.model().trained() == work.model().weights()
                    ? ", or train an adapter (use_peft: true)"
                    : "");
    return new UsageException(refusal(budget, estimate) + advice);
  }

  private static String refusal(long budget, MemoryEstimate estimate) {
    return "rlkd.memory.budget: found %,d MiB, expected at least %,d MiB for this run:%n%s"
        .formatted(budget >> 20, (estimate.peak() + (1 << 20) - 1) >> 20, estimate.table());
  }

  private static long clamp(long value, long least, long most) {
    return Math.max(least, Math.min(value, most));
  }
}
