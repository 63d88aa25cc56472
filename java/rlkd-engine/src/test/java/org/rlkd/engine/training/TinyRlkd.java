package org.rlkd.engine.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.config.Aggregation;
import org.rlkd.core.config.BatchConfig;
import org.rlkd.core.config.EntropyBonusConfig;
import org.rlkd.core.config.LossType;
import org.rlkd.core.config.ScaleRewards;
import org.rlkd.core.config.Unscorable;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.TeacherPath;
import org.rlkd.core.gsrm.LexicalJudge;
import org.rlkd.core.gsrm.Step;
import org.rlkd.core.gsrm.Structure;
import org.rlkd.core.gsrm.TagDecomposer;
import org.rlkd.core.gsrm.TeacherCache;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardOptions;
import org.rlkd.core.reward.RewardSample;
import org.rlkd.core.reward.Rewards;
import org.rlkd.core.reward.StructureReward;
import org.rlkd.core.reward.StructureRewardOptions;
import org.rlkd.engine.generation.Generator;
import org.rlkd.engine.generation.SamplingParameters;
import org.rlkd.engine.gsrm.NativeStructureAlignment;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.policy.GroupAdvantage;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tokenizer.Tokenizer;
import org.rlkd.engine.training.metrics.JsonlMetricSink;
import org.rlkd.engine.training.metrics.MetricSink;
import org.rlkd.engine.training.metrics.TensorBoardSink;

/**
 * The quickstart's training step in small, on any device: a random Qwen2 whose words are the tags
 * of reasoning steps and a few others, rewarded for its answer, its tags, and its structure.
 */
final class TinyRlkd {
  /**
   * Each a token, by its id. What is not a tag is a word that agrees with the teacher's, or none.
   */
  private static final List<String> WORDS =
      List.of("[PAD]", "[sub-think]", "[Query]", "[Answer]", "add", "7");

  private static final int EOS = 0;
  private static final int GENERATIONS = 4;

  private TinyRlkd() {}

  /**
   * What came of one optimizer step.
   *
   * @param completions texts, in the order in which they were sampled
   * @param structure their structure rewards
   * @param weights all weights of the model after the step, as float32
   */
  record Outcome(
      List<String> completions, double[] structure, Map<String, Double> metrics, float[] weights) {}

  /** A step on a device from the weights that {@code seed} gives. */
  static Outcome step(Device device, Path directory, long seed) {
    try (Tokenizer tokenizer = tokenizer(directory);
        CausalLm model = model(device, seed);
        TeacherCache cache = TeacherCache.open(directory.resolve("teachers.jsonl"))) {
      Recorder recorder = new Recorder(structure(cache, device));
      try (GrpoTrainer trainer =
          new GrpoTrainer(
              model,
              null,
              new Generator(model),
              tokenizer,
              prompts(),
              rewards(recorder),
              options(1, 1e-3),
              null)) {
        Map<String, Double> metrics = new LinkedHashMap<>(trainer.step());
        metrics.keySet().removeIf(name -> name.contains("time") || name.contains("per_second"));
        return new Outcome(
            recorder.completions, recorder.scores, metrics, TinyModels.weights(model));
      }
    }
  }

  /**
   * A run on the CPU with its logs in the directory, at a rate that changes next to nothing: its
   * last steps are like its first ones.
   */
  static void run(Path directory, long steps, StepListener listener) {
    try (Tokenizer tokenizer = tokenizer(directory);
        CausalLm model = model(Device.CPU, 1);
        TeacherCache cache = TeacherCache.open(directory.resolve("teachers.jsonl"));
        MetricSink metrics =
            MetricSink.all(
                new JsonlMetricSink(directory.resolve("metrics.jsonl"), 0),
                new TensorBoardSink(directory, 0));
        CompletionLog log = new CompletionLog(directory.resolve("completions.jsonl"), 0);
        GrpoTrainer trainer =
            new GrpoTrainer(
                model,
                null,
                new Generator(model),
                tokenizer,
                prompts(),
                rewards(structure(cache, Device.CPU)),
                options(steps, 1e-9),
                log)) {
      new TrainingRun(trainer, metrics, listener).run();
    }
  }

  private static Reward structure(TeacherCache cache, Device device) {
    return new StructureReward(
        new TagDecomposer(),
        new LexicalJudge(),
        new NativeStructureAlignment(device),
        cache,
        StructureRewardOptions.of("tree", "teacher", 0.5));
  }

  private static List<Reward> rewards(Reward structure) {
    return List.of(
        Rewards.byName("accuracy", RewardOptions.DEFAULTS, () -> null),
        Rewards.byName("tag_count", RewardOptions.DEFAULTS, () -> null),
        structure);
  }

  private static final class Recorder implements Reward {
    private final Reward reward;
    private final List<String> completions = new ArrayList<>();
    private double[] scores;

    Recorder(Reward reward) {
      this.reward = reward;
    }

    @Override
    public String name() {
      return reward.name();
    }

    @Override
    public double[] score(List<RewardSample> samples) {
      samples.forEach(sample -> completions.add(sample.completion()));
      scores = reward.score(samples);
      return scores;
    }
  }

  /** Heads of width 16: 2 of queries, 1 of keys and values. */
  private static CausalLm model(Device device, long seed) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGradients = new NoGradGuard();
        CausalLm drawn =
            CausalLm.initialise(TinyModels.config(WORDS.size(), TinyModels.HIDDEN, 2), seed)) {
      Map<String, Tensor> placed = new LinkedHashMap<>();
      drawn
          .parameters()
          .forEach(
              (name, tensor) ->
                  placed.put(name, device.place(tensor.detach().clone()).to(device.weightType())));
      return new CausalLm(drawn.config(), placed, device);
    }
  }

  private static List<GrpoPrompt> prompts() {
    Structure one = new Structure(List.of(new Step("add", "add", "7")));
    Structure two =
        new Structure(List.of(new Step("add", "add", "7"), new Step("7", "add", "add")));
    List<TeacherPath> paths = List.of(new TeacherPath("one", one), new TeacherPath("two", two));
    List<GrpoPrompt> prompts = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      List<ChatMessage> messages = List.of(new ChatMessage("user", "add " + i));
      Problem problem = new Problem("p" + i, messages, "7", paths);
      prompts.add(new GrpoPrompt(problem, new int[] {4, 5 - i, 4, 5}, "add 7"));
    }
    return prompts;
  }

  /** Two micro-batches of one prompt's completions each; entropy, clip and KL-free DAPO loss. */
  private static GrpoOptions options(long maxSteps, double rate) {
    return new GrpoOptions(
        new BatchConfig(GENERATIONS, 2, GENERATIONS, 2, 1),
        SamplingParameters.sample(24).withEosTokenIds(Set.of(EOS)).withSeed(5),
        0,
        LongPrompts.REFUSE,
        new GroupAdvantage.Options(
            GENERATIONS,
            List.of(1.0, 0.5, 2.0),
            ScaleRewards.GROUP,
            Aggregation.SUM_THEN_NORMALIZE,
            Unscorable.DROP_ROW),
        TinyGrpo.loss(LossType.DAPO, 0, 1),
        OldLogprobs.RECOMPUTED,
        false,
        true,
        1,
        maxSteps,
        LearningRateSchedule.constant(rate),
        AdamWOptions.DEFAULT,
        3,
        MemoryOptions.DEFAULT,
        3,
        true,
        Optional.empty(),
        EntropyBonusConfig.OFF);
  }

  private static Tokenizer tokenizer(Path directory) {
    List<String> entries = new ArrayList<>();
    for (int id = 0; id < WORDS.size(); id++) {
      entries.add("\"%s\": %d".formatted(WORDS.get(id), id));
    }
    String json =
        """
        {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
         "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
         "post_processor": null, "decoder": null,
         "model": {"type": "WordLevel", "vocab": {%s}, "unk_token": "[PAD]"}}
        """
            .formatted(String.join(", ", entries));
    try {
      Files.writeString(directory.resolve("tokenizer.json"), json);
      Files.writeString(directory.resolve("tokenizer_config.json"), "{}");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Tokenizer.load(directory);
  }
}
