package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.BatchConfig;
import org.rlkd.core.config.EntropyBonusConfig;
import org.rlkd.core.config.LossType;
import org.rlkd.core.config.SamplerRatioConfig;
import org.rlkd.core.config.SamplerRatioMode;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardSample;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.SaveOptions;
import org.rlkd.engine.tokenizer.Tokenizer;

class GrpoTrainerTest {
  @TempDir Path directory;

  @Test
  void the_reward_rises_and_every_metric_has_a_value() throws IOException {
    Path log = directory.resolve("completions.jsonl");
    List<Double> rewards = new ArrayList<>();
    Map<String, Double> last = Map.of();
    try (Tokenizer tokenizer = TinyGrpo.tokenizer(directory);
        CausalLm model = TinyModels.qwen2(1);
        CompletionLog completions = new CompletionLog(log, 0);
        GrpoTrainer trainer =
            trainer(model, null, tokenizer, TinyGrpo.options(12, LossType.DAPO), completions)) {
      while (trainer.stepsDone() < trainer.totalSteps()) {
        last = trainer.step();
        rewards.add(last.get("reward"));
      }
    }
    assertThat(mean(rewards.subList(9, 12))).isGreaterThan(mean(rewards.subList(0, 3)) + 0.2);
    assertThat(last)
        .containsKeys(
            "rewards/even/mean",
            "rewards/even/std",
            "reward_std",
            "frac_reward_zero_std",
            "completions/mean_length",
            "completions/clipped_ratio",
            "clip_ratio/region_mean",
            "entropy",
            "grad_norm",
            "learning_rate",
            "step_time",
            "time/generation",
            "time/rewards",
            "time/update",
            "tokens_per_second");
    last.forEach((name, value) -> assertThat(value).as(name).isFinite());
    assertThat(last.get("sampling/sampling_logp_difference/max")).isLessThan(1e-4);

    List<String> lines = Files.readAllLines(log);
    assertThat(lines).hasSize(12 * 16);
    JsonNode first = new ObjectMapper().readTree(lines.get(0));
    assertThat(first.get("step").asInt()).isEqualTo(1);
    assertThat(first.get("completion").asText()).startsWith("t");
    assertThat(first.get("rewards").get("even").isNumber()).isTrue();
    assertThat(first.get("advantage").isNumber()).isTrue();
  }

  @Test
  void rewardsHearOfEveryGroupBeforeTheyScoreTheBatch() {
    List<RewardSample> announced = new ArrayList<>();
    List<RewardSample> scored = new ArrayList<>();
    Reward listening =
        new Reward() {
          @Override
          public String name() {
            return "listening";
          }

          @Override
          public boolean concurrent() {
            return false;
          }

          @Override
          public void announce(List<RewardSample> samples) {
            assertThat(scored).isEmpty();
            assertThat(samples).hasSize(TinyGrpo.GENERATIONS);
            assertThat(samples.stream().map(RewardSample::problem).distinct()).hasSize(1);
            announced.addAll(samples);
          }

          @Override
          public double[] score(List<RewardSample> samples) {
            scored.addAll(samples);
            return samples.stream().mapToDouble(RewardSample::completionTokens).toArray();
          }
        };
    try (Tokenizer tokenizer = TinyGrpo.tokenizer(directory);
        CausalLm model = TinyModels.qwen2(1);
        GrpoTrainer trainer =
            trainer(
                model,
                TinyGrpo.prompts(4),
                List.of(listening),
                tokenizer,
                TinyGrpo.options(1, LossType.DAPO))) {
      trainer.step();
    }
    assertThat(announced).hasSize(16).containsExactlyInAnyOrderElementsOf(scored);
  }

  /** A generation batch of 2 micro-batches used twice, a step of one: 4 steps a generation. */
  @Test
  void a_run_resumed_between_two_uses_of_its_samples_continues_bit_for_bit() {
    GrpoOptions options =
        withBatch(TinyGrpo.options(6, LossType.GRPO), new BatchConfig(8, 1, 4, 2, 2));
    GrpoOptions kl =
        GrpoOptionsDraft.change(
            options,
            draft -> {
              draft.loss = TinyGrpo.loss(LossType.GRPO, 0.1, 1);
              draft.maskTruncatedCompletions = true;
              draft.samplerRatio =
                  Optional.of(
                      new SamplerRatioConfig(
                          SamplerRatioMode.SEQUENCE_MASK, Optional.empty(), Optional.of(3.0)));
              draft.entropyBonus = new EntropyBonusConfig(0.1, true, 0, 1, 0.01, 3.7);
            });
    List<Map<String, Double>> expected = new ArrayList<>();
    float[] weights;
    Path checkpoint = directory.resolve("checkpoint-3");
    try (Tokenizer tokenizer = TinyGrpo.tokenizer(directory);
        CausalLm reference = TinyModels.qwen2(2).frozenCopy()) {
      try (CausalLm model = TinyModels.qwen2(1);
          GrpoTrainer trainer = trainer(model, reference, tokenizer, kl, null)) {
        for (int step = 0; step < 6; step++) {
          if (step == 3) {
            new CheckpointStore(directory, 0)
                .save(
                    3,
                    dir -> {
                      ModelDirectory.write(
                          dir, model, TinyModels.generationConfig(), SaveOptions.FLOAT32);
                      trainer.saveState(dir);
                    });
          }
          expected.add(trainer.step());
        }
        weights = TinyModels.weights(model);
      }
      assertThat(expected.get(0))
          .containsKeys("kl", "policy_loss", "sampling/importance_sampling_ratio/mean");
      assertThat(expected)
          .as("steps in which the coefficient is not what it was")
          .anySatisfy(metrics -> assertThat(metrics.get("entropy_coef")).isNotEqualTo(0.1));
      assertThat(expected.subList(3, 6))
          .as("steps with a bonus after the checkpoint")
          .anySatisfy(m -> assertThat(m.get("loss")).isNotEqualTo(m.get("policy_loss")));
      assertThat(expected.get(1).get("importance_ratio/max")).isNotEqualTo(1.0);
      try (CausalLm model = ModelDirectory.load(checkpoint);
          GrpoTrainer trainer = trainer(model, reference, tokenizer, kl, null)) {
        trainer.restoreState(checkpoint);
        for (int step = 3; step < 6; step++) {
          assertThat(withoutTimes(trainer.step()))
              .as("metrics of step %d", step)
              .isEqualTo(withoutTimes(expected.get(step)));
        }
        assertThat(TinyModels.weights(model)).isEqualTo(weights);
      }
    }
  }

  @Test
  void prompts_that_are_not_shuffled_come_in_their_own_order_in_every_epoch() throws IOException {
    GrpoOptions options = TinyGrpo.options(4, LossType.DAPO);
    Path log = directory.resolve("completions.jsonl");
    try (Tokenizer tokenizer = TinyGrpo.tokenizer(directory);
        CausalLm model = TinyModels.qwen2(1);
        CompletionLog completions = new CompletionLog(log, 0);
        GrpoTrainer trainer = trainer(model, null, tokenizer, unshuffled(options), completions)) {
      for (int step = 0; step < 4; step++) {
        trainer.step();
      }
    }
    List<String> problems = new ArrayList<>();
    for (String line : Files.readAllLines(log)) {
      String id = new ObjectMapper().readTree(line).get("problem").asText();
      if (problems.isEmpty() || !problems.get(problems.size() - 1).equals(id)) {
        problems.add(id);
      }
    }
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      expected.add("p" + i % 12);
    }
    assertThat(problems).isEqualTo(expected);
  }

  @Test
  void unscorable_completions_are_counted_and_have_no_part_in_the_update() {
    Reward never = reward("never", samples -> Double.NaN);
    try (Tokenizer tokenizer = TinyGrpo.tokenizer(directory);
        CausalLm model = TinyModels.qwen2(1);
        GrpoTrainer trainer =
            new GrpoTrainer(
                model,
                null,
                new Generator(model),
                tokenizer,
                TinyGrpo.prompts(8),
                List.of(never),
                TinyGrpo.options(2, LossType.DAPO),
                null)) {
      float[] before = TinyModels.weights(model);
      Map<String, Double> metrics = trainer.step();
      assertThat(metrics.get("reward")).isNaN();
      assertThat(metrics).containsEntry("rewards/unscorable", 1.0).containsEntry("grad_norm", 0.0);
      assertThat(TinyModels.weights(model)).isEqualTo(before);
    }
  }

  @Test
  void an_infinite_reward_is_an_input_error_that_names_function_and_problem() {
    try (Tokenizer tokenizer = TinyGrpo.tokenizer(directory);
        CausalLm model = TinyModels.qwen2(1);
        GrpoTrainer trainer =
            new GrpoTrainer(
                model,
                null,
                new Generator(model),
                tokenizer,
                TinyGrpo.prompts(4),
                List.of(reward("broken", sample -> Double.POSITIVE_INFINITY)),
                TinyGrpo.options(2, LossType.DAPO),
                null)) {
      assertThatThrownBy(trainer::step)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("broken")
          .hasMessageContaining("problem p");
    }
  }

  @Test
  void what_does_not_fit_together_is_refused_by_name() {
    GrpoOptions options = TinyGrpo.options(1, LossType.DAPO);
    assertThatThrownBy(() -> withBatch(options, new BatchConfig(6, 1, 4, 1, 1)))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("num_generations: found 4")
        .hasMessageContaining("6 completions");
    try (Tokenizer tokenizer = TinyGrpo.tokenizer(directory);
        CausalLm model = TinyModels.qwen2(1)) {
      assertThatThrownBy(() -> trainer(model, TinyGrpo.prompts(3), List.of(), tokenizer, options))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("3 usable prompts")
          .hasMessageContaining("takes 4");
      assertThatThrownBy(() -> trainer(model, List.of(), List.of(), tokenizer, options))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("0 usable prompts");
      assertThatThrownBy(() -> trainer(model, TinyGrpo.prompts(4), List.of(), tokenizer, options))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("reward_weights");
    }
  }

  @Test
  void a_prompt_beyond_the_limit_is_refused_by_its_problem_or_dropped_and_counted() {
    List<GrpoPrompt> prompts = new ArrayList<>(TinyGrpo.prompts(4));
    GrpoPrompt p0 = prompts.get(0);
    prompts.add(2, new GrpoPrompt(withId(p0, "long one"), new int[] {1, 2, 3, 4}, "long"));
    try (Tokenizer tokenizer = TinyGrpo.tokenizer(directory);
        CausalLm model = TinyModels.qwen2(1)) {
      List<Reward> rewards = List.of(TinyGrpo.evenWords());
      assertThatThrownBy(
              () -> trainer(model, prompts, rewards, tokenizer, withLimit(LongPrompts.REFUSE)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("long one")
          .hasMessageContaining("4 tokens, max_prompt_length is 3");
      try (GrpoTrainer trainer =
          trainer(model, prompts, rewards, tokenizer, withLimit(LongPrompts.DROP))) {
        assertThat(trainer.droppedPrompts()).isEqualTo(1);
      }
    }
  }

  private static org.rlkd.core.data.Problem withId(GrpoPrompt prompt, String id) {
    return new org.rlkd.core.data.Problem(id, prompt.problem().messages(), null, List.of());
  }

  private static GrpoTrainer trainer(
      CausalLm model,
      CausalLm reference,
      Tokenizer tokenizer,
      GrpoOptions options,
      CompletionLog log) {
    return new GrpoTrainer(
        model,
        reference,
        new Generator(model),
        tokenizer,
        TinyGrpo.prompts(12),
        List.of(TinyGrpo.evenWords()),
        options,
        log);
  }

  private static GrpoTrainer trainer(
      CausalLm model,
      List<GrpoPrompt> prompts,
      List<Reward> rewards,
      Tokenizer tokenizer,
      GrpoOptions options) {
    return new GrpoTrainer(
        model, null, new Generator(model), tokenizer, prompts, rewards, options, null);
  }

  private static Reward reward(
      String name, java.util.function.ToDoubleFunction<RewardSample> score) {
    return new Reward() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public double[] score(List<RewardSample> samples) {
        return samples.stream().mapToDouble(score).toArray();
      }
    };
  }

  private static GrpoOptions withBatch(GrpoOptions o, BatchConfig batch) {
    return GrpoOptionsDraft.change(o, draft -> draft.batch = batch);
  }

  private static GrpoOptions unshuffled(GrpoOptions o) {
    return GrpoOptionsDraft.change(o, draft -> draft.shuffleDataset = false);
  }

  private static GrpoOptions withLimit(LongPrompts longPrompts) {
    return GrpoOptionsDraft.change(
        TinyGrpo.options(1, LossType.DAPO),
        draft -> {
          draft.maxPromptLength = 3;
          draft.longPrompts = longPrompts;
        });
  }

  private static Map<String, Double> withoutTimes(Map<String, Double> metrics) {
    metrics
        .keySet()
        .removeIf(
            name ->
                name.startsWith("time/")
                    || name.equals("step_time")
                    || name.equals("tokens_per_second"));
    return metrics;
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }
}
