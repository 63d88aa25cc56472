package org.rlkd.engine.generation;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.core.InputException;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tokenizer.Tokenizer;

/**
 * Samples completions of prompts: batched, with a paged cache of keys and values, the prompt of a
 * group run once, and continuous batching.
 *
 * <p>A sample is a function of the weights, the prompt, the sampling parameters and the tuple
 * (seed, step, prompt key, completion index); which other prompts are sampled with it, in what
 * order, and how many at once does not matter: on the CPU bit for bit (the number of threads
 * included), elsewhere up to the rounding of matrix products of different sizes. The random numbers
 * are Philox4x32-10 with the key that {@link SequenceKey} mixes of the tuple and the index of the
 * new token as counter.
 *
 * <p>The weights are read from the model at every step: after an optimizer step nothing has to be
 * told to the generator. Memory for keys and values is held during {@link #generate} alone. The
 * thread that owns the model owns the generator; it keeps neither model nor tokenizer open.
 */
public final class Generator {
  private final CausalLm model;
  private final Tokenizer tokenizer;
  private final GeneratorOptions options;

  /**
   * A generator over a model.
   *
   * @param tokenizer decodes completions where stop strings are looked for; null if there are none
   */
  public Generator(CausalLm model, Tokenizer tokenizer, GeneratorOptions options) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.options = options;
  }

  /** A generator without stop strings, with {@link GeneratorOptions#DEFAULT}. */
  public Generator(CausalLm model) {
    this(model, null, GeneratorOptions.DEFAULT);
  }

  /** Where the model is. */
  public Device device() {
    return model.device();
  }

  /** {@link #generate} without a listener. */
  public List<List<Completion>> generate(
      List<GenerationRequest> requests, SamplingParameters sampling, long step) {
    return generate(requests, sampling, step, GenerationListener.NONE);
  }

  /**
   * Samples the completions of all requests.
   *
   * @param step second part of the key of the random numbers: the training step, 0 elsewhere
   * @param listener hears of every decoding step and may cancel
   * @return the completions by request and completion index
   * @throws InputException if a prompt is empty, holds an id outside the vocabulary, leaves no room
   *     within {@code max_position_embeddings}, or needs more keys and values than the limit
   */
  public List<List<Completion>> generate(
      List<GenerationRequest> requests,
      SamplingParameters sampling,
      long step,
      GenerationListener listener) {
    List<PromptGroup> groups = groups(requests, sampling, step);
    int blocks = cacheBlocks(groups);
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      KvCache cache = new KvCache(model.config(), blocks, model.device());
      int completions = groups.stream().mapToInt(group -> group.sequences().size()).sum();
      int rows = Math.max(1, Math.min(options.maxConcurrentSequences(), completions));
      int longest = groups.stream().mapToInt(PromptGroup::mostTokens).max().orElse(1);
      GenerationRun run =
          new GenerationRun(
              groups,
              options.maxConcurrentSequences(),
              new BlockPool(blocks),
              cache,
              model.device(),
              forward(cache, groups, rows, longest),
              new TokenSampler(
                  sampling,
                  model.device(),
                  rowsAtOnce(groups, rows),
                  longest,
                  model.config().vocabSize()),
              listener);
      run.run();
      return run.completions();
    }
  }

  /** librlkd's kernels on the CPU, LibTorch elsewhere. */
  private ModelForward forward(KvCache cache, List<PromptGroup> groups, int rows, int longest) {
    if (model.device().context().backend() != rlkd.RLKD_BACKEND_CPU) {
      return new PagedForward(model, cache);
    }
    long prompts = groups.stream().mapToLong(PromptGroup::promptLength).sum();
    return new HostForward(model, cache, rows, longest, prompts);
  }

  /**
   * Most rows of one call of the sampler: those decoded at once, or the completions of a prompt.
   */
  private static int rowsAtOnce(List<PromptGroup> groups, int rows) {
    return groups.stream().mapToInt(group -> group.sequences().size()).reduce(rows, Math::max);
  }

  private List<PromptGroup> groups(
      List<GenerationRequest> requests, SamplingParameters sampling, long step) {
    if (!sampling.stopStrings().isEmpty() && tokenizer == null) {
      throw new IllegalArgumentException("stop strings need a generator with a tokenizer");
    }
    Supplier<StopStringMatcher> stopStrings =
        sampling.stopStrings().isEmpty()
            ? () -> null
            : () -> new StopStringMatcher(tokenizer, sampling.stopStrings());
    List<PromptGroup> groups = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      GenerationRequest request = requests.get(i);
      int room = requireUsable(request.promptTokens(), i);
      int limit = Math.min(sampling.maxNewTokens(), room);
      groups.add(new PromptGroup(request, limit, sampling.seed(), step, stopStrings));
    }
    return groups;
  }

  /** Returns how many tokens may follow the prompt. */
  private int requireUsable(int[] prompt, int index) {
    ModelConfig config = model.config();
    if (prompt.length == 0) {
      throw new InputException(
          "prompt " + index + " is empty, expected at least one token; give it some text");
    }
    for (int t = 0; t < prompt.length; t++) {
      if (prompt[t] < 0 || prompt[t] >= config.vocabSize()) {
        throw new InputException(
            "prompt %d, position %d: found token id %d, expected one below the model's vocab_size %d; does the tokenizer belong to this model?"
                .formatted(index, t, prompt[t], config.vocabSize()));
      }
    }
    int room = config.maxPositionEmbeddings() - prompt.length;
    if (room < 1) {
      throw new InputException(
          "prompt %d has %d tokens, expected fewer than the model's max_position_embeddings %d; shorten it"
              .formatted(index, prompt.length, config.maxPositionEmbeddings()));
    }
    return room;
  }

  /** As many blocks as the groups can use at once, within the limit on memory. */
  private int cacheBlocks(List<PromptGroup> groups) {
    long blockBytes = KvCache.blockBytes(model.config(), model.device());
    long allowed = options.kvCacheBytes() / blockBytes;
    long all = 0;
    long largestPrompt = 0;
    long largestTail = 0;
    for (int i = 0; i < groups.size(); i++) {
      PromptGroup group = groups.get(i);
      if (group.leastBlockCount() > allowed) {
        throw new InputException(
            "prompt %d with its longest completion needs %,d bytes of keys and values, expected at most the limit of %,d; raise the limit or lower max_new_tokens"
                .formatted(i, group.leastBlockCount() * blockBytes, options.kvCacheBytes()));
      }
      all += group.mostBlockCount();
      largestPrompt = Math.max(largestPrompt, group.promptBlockCount());
      largestTail = Math.max(largestTail, group.sequences().get(0).tailBlockCount());
    }
    long atOnce = options.maxConcurrentSequences() * (largestPrompt + largestTail);
    return Math.toIntExact(Math.min(Math.min(all, atOnce), allowed));
  }
}
