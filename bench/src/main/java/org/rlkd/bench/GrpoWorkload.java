package org.rlkd.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.data.Problem;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardSample;
import org.rlkd.engine.generation.Completion;
import org.rlkd.engine.generation.GenerationRequest;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.RopeParameters;
import org.rlkd.engine.tokenizer.Tokenizer;
import org.rlkd.engine.training.GrpoOptions;
import org.rlkd.engine.training.GrpoPrompt;
import org.rlkd.engine.training.GrpoTrainer;

/**
 * GRPO of a random Qwen2 on random prompts: every completion runs to its full length, so that the
 * work depends on the numbers here alone.
 *
 * @param hidden width; heads of 64 with half as many key/value heads, MLP 2.75 times as wide
 * @param group completions of a prompt
 * @param promptTokens length of each prompt
 * @param completionTokens length of each completion
 */
public record GrpoWorkload(
    int hidden,
    int layers,
    int vocab,
    int prompts,
    int group,
    int promptTokens,
    int completionTokens) {

  /** As in a run on the CPU. */
  private static final long TOKENS_AT_ONCE = 2048;

  /** Of the model "tiny": hidden 256, 4 layers, vocabulary 8192; 5 M parameters. */
  public static GrpoWorkload tiny(int prompts, int group, int promptTokens, int completionTokens) {
    return new GrpoWorkload(256, 4, 8192, prompts, group, promptTokens, completionTokens);
  }

  /** A new model of fixed random weights. */
  public CausalLm model() {
    int heads = Math.max(2, hidden / 64);
    return CausalLm.initialise(
        new ModelConfig(
            ModelFamily.QWEN2,
            vocab,
            hidden,
            hidden * 11 / 4,
            layers,
            heads,
            heads / 2,
            64,
            1e-6,
            new RopeParameters(10_000, null),
            true,
            false,
            false,
            true,
            4096,
            0.02,
            null,
            List.of(0),
            null,
            "float32"),
        1);
  }

  /** Parameters that take part in products: all but the embedding, which is the head's too. */
  public double parameters() {
    int heads = Math.max(2, hidden / 64);
    double attention = 64.0 * hidden * (2 * heads + heads / 2 * 2);
    double mlp = 3.0 * hidden * (hidden * 11 / 4);
    return layers * (attention + mlp) + (double) vocab * hidden;
  }

  /** Completion tokens of a step. */
  public double tokens() {
    return (double) prompts * group * completionTokens;
  }

  /** The products of generation: prompts once, then every new token; weights once for each. */
  public Work generation() {
    double all = tokens() + (double) prompts * promptTokens;
    return new Work(4 * parameters() * completionTokens, 2 * parameters() * all, tokens());
  }

  /**
   * Generation, and the update: prompts once for their group, forward once and backward twice the
   * products of the forward pass. What attention adds is left out.
   */
  public Work step() {
    double all = tokens() + (double) prompts * promptTokens;
    return new Work(generation().bytes(), generation().flops() + 6 * parameters() * all, tokens());
  }

  /** The tokens of a prompt. */
  public int[] prompt(int index) {
    return new Random(index).ints(promptTokens, 1, vocab).toArray();
  }

  /** Samples all completions. */
  public List<List<Completion>> generate(CausalLm model, long step) {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < prompts; i++) {
      requests.add(new GenerationRequest(prompt(i), group, i));
    }
    return new Generator(model)
        .generate(requests, SamplingParameters.sample(completionTokens), step);
  }

  /**
   * A trainer whose steps are on-policy updates by all completions at once.
   *
   * @param checkpointing whether layers are computed again in the backward pass
   */
  public GrpoTrainer trainer(CausalLm model, boolean checkpointing) {
    int batch = prompts * group;
    GrpoConfig config =
        GrpoConfig.load(
            Optional.empty(),
            List.of(
                "max_steps=1000000",
                "learning_rate=1e-5",
                "beta=0",
                "num_generations=" + group,
                "per_device_train_batch_size=" + batch,
                "max_completion_length=" + completionTokens,
                "gradient_checkpointing=" + checkpointing,
                "reward_funcs=[length]"));
    List<GrpoPrompt> all = new ArrayList<>();
    for (int i = 0; i < prompts; i++) {
      Problem problem =
          new Problem("p" + i, List.of(new ChatMessage("user", "w1")), "w1", List.of());
      all.add(new GrpoPrompt(problem, prompt(i), "w1"));
    }
    return new GrpoTrainer(
        model,
        null,
        new Generator(model),
        tokenizer(),
        all,
        List.of(new HashReward()),
        GrpoOptions.of(config, Set.of())
            .withMemory(
                MemoryOptions.of(config.machine())
                    .withTokens(TOKENS_AT_ONCE)
                    .withRoomForPrompt(promptTokens)),
        null);
  }

  /** Costs nothing and differs from completion to completion. */
  private static final class HashReward implements Reward {
    @Override
    public String name() {
      return "hash";
    }

    @Override
    public double[] score(List<RewardSample> samples) {
      return samples.stream().mapToDouble(s -> s.completion().hashCode() * 0x1p-31).toArray();
    }
  }

  /** Words w0, w1, ... */
  private Tokenizer tokenizer() {
    String words =
        IntStream.range(0, vocab)
            .mapToObj(i -> "\"w%d\": %d".formatted(i, i))
            .collect(Collectors.joining(", "));
    try {
      Path folder = Files.createTempDirectory("rlkd-bench");
      Path file = folder.resolve("tokenizer.json");
      Path config = folder.resolve("tokenizer_config.json");
      Files.writeString(
          file,
          """
          {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
           "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
           "post_processor": null, "decoder": null,
           "model": {"type": "WordLevel", "vocab": {%s}, "unk_token": "w0"}}
          """
              .formatted(words));
      Files.writeString(config, "{}");
      Tokenizer tokenizer = Tokenizer.load(folder);
      for (Path written : List.of(file, config, folder)) {
        Files.delete(written);
      }
      return tokenizer;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
