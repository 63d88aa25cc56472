package org.rlkd.engine.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.config.Aggregation;
import org.rlkd.core.config.BatchConfig;
import org.rlkd.core.config.EntropyBonusConfig;
import org.rlkd.core.config.ImportanceSamplingLevel;
import org.rlkd.core.config.LossType;
import org.rlkd.core.config.ScaleRewards;
import org.rlkd.core.config.Unscorable;
import org.rlkd.core.data.Problem;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardSample;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.policy.GroupAdvantage;
import org.rlkd.engine.policy.PolicyLossOptions;
import org.rlkd.engine.tokenizer.Tokenizer;

/** A GRPO task for {@link TinyModels}: words t0 .. t39, of which even ones are rewarded. */
final class TinyGrpo {
  static final int EOS = 0;
  static final int GENERATIONS = 4;

  private TinyGrpo() {}

  /** A word-level tokenizer of the model's 40 tokens, written to the directory. */
  static Tokenizer tokenizer(Path directory) {
    String vocabulary =
        IntStream.range(0, TinyModels.VOCAB)
            .mapToObj(i -> "\"t%d\": %d".formatted(i, i))
            .collect(Collectors.joining(", "));
    String json =
        """
        {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
         "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
         "post_processor": null, "decoder": null,
         "model": {"type": "WordLevel", "vocab": {%s}, "unk_token": "t0"}}
        """
            .formatted(vocabulary);
    try {
      Files.writeString(directory.resolve("tokenizer.json"), json);
      Files.writeString(directory.resolve("tokenizer_config.json"), "{}");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Tokenizer.load(directory);
  }

  static List<GrpoPrompt> prompts(int count) {
    List<GrpoPrompt> prompts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Problem problem =
          new Problem("p" + i, List.of(new ChatMessage("user", "t" + (1 + i))), "even", List.of());
      prompts.add(new GrpoPrompt(problem, new int[] {1 + i, 3, 1 + i}, "t" + (1 + i)));
    }
    return prompts;
  }

  /** Share of even words, less a little for each word so that all rewards differ. */
  static Reward evenWords() {
    return new Reward() {
      @Override
      public String name() {
        return "even";
      }

      @Override
      public double[] score(List<RewardSample> samples) {
        return samples.stream().mapToDouble(sample -> share(sample.completion())).toArray();
      }
    };
  }

  private static double share(String completion) {
    String[] words = completion.strip().split("\\s+");
    long even =
        List.of(words).stream()
            .filter(word -> word.startsWith("t") && Integer.parseInt(word.substring(1)) % 2 == 0)
            .count();
    return (double) even / words.length - 0.01 * words.length;
  }

  /**
   * Micro-batches of 8 completions, two of them a step and a generation, 4 completions a prompt.
   */
  static GrpoOptions options(long maxSteps, LossType lossType) {
    return new GrpoOptions(
        new BatchConfig(8, 2, GENERATIONS, 2, 1),
        SamplingParameters.sample(8).withEosTokenIds(Set.of(EOS)).withSeed(5),
        0,
        LongPrompts.REFUSE,
        new GroupAdvantage.Options(
            GENERATIONS,
            List.of(1.0),
            ScaleRewards.GROUP,
            Aggregation.SUM_THEN_NORMALIZE,
            Unscorable.DROP_ROW),
        loss(lossType, 0, 1),
        OldLogprobs.RECOMPUTED,
        false,
        true,
        1,
        maxSteps,
        LearningRateSchedule.constant(1e-2),
        AdamWOptions.DEFAULT,
        3,
        MemoryOptions.DEFAULT,
        3,
        true,
        Optional.empty(),
        EntropyBonusConfig.OFF);
  }

  static PolicyLossOptions loss(LossType lossType, double beta, double topEntropyQuantile) {
    return new PolicyLossOptions(
        lossType,
        ImportanceSamplingLevel.TOKEN,
        0.2,
        0.2,
        OptionalDouble.empty(),
        beta,
        true,
        1,
        1.05,
        2,
        3,
        3,
        2,
        OptionalDouble.empty(),
        topEntropyQuantile);
  }
}
