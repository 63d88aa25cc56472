package org.rlkd.core.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;

class ConfigTest {

  /**
   * The keys of the reference's RLKD recipe (xsc1234/RLKD), less its evaluation during training.
   */
  private static final String REFERENCE_RECIPE =
      """
      # Model arguments
      model_name_or_path: DeepSeek-R1-Distill-Qwen-7B
      model_revision: main
      torch_dtype: bfloat16
      attn_implementation: flash_attention_2
      chat_template: "{{ bos_token }}{{ messages[0].content }}\\n"
      dataset_name: open-r1_OpenR1-Math-220k-default
      system_prompt: "Respond with <think>\\n...\\n</think> and \\\\boxed{}"
      dataset_prompt_column: 'problem'
      bf16: true
      use_vllm: true
      gradient_accumulation_steps: 4
      gradient_checkpointing: true
      gradient_checkpointing_kwargs:
        use_reentrant: false
      hub_model_id: DeepSeek-R1-Distill-Qwen-7B-GRPO
      hub_strategy: every_save
      learning_rate: 5.0e-05
      log_completions: true
      log_level: info
      logging_first_step: true
      logging_steps: 1
      logging_strategy: steps
      lr_scheduler_type: constant_with_warmup
      max_grad_norm: 0.2
      max_prompt_length: 1024
      max_completion_length: 4096
      max_steps: -1
      num_generations: 4
      num_train_epochs: 1
      output_dir: ./output_dir/RLKD
      overwrite_output_dir: true
      per_device_eval_batch_size: 2
      per_device_train_batch_size: 2
      reward_funcs:
      - accuracy_open_math
      - format
      - tag_count
      - searchain_openr1_math
      reward_weights:
      - 15.0
      - 10.0
      - 10.0
      - 15.0
      save_strategy: "steps"
      save_steps: 10
      save_total_limit: 1
      seed: 42
      temperature: 0.7
      warmup_ratio: 0.1
      """;

  @TempDir private Path directory;

  private GrpoConfig grpo(String yaml, String... settings) throws IOException {
    Path file = Files.writeString(directory.resolve("grpo.yaml"), yaml);
    return GrpoConfig.load(Optional.of(file), List.of(settings));
  }

  private String problems(String yaml, String... settings) {
    UsageException e = catchThrowableOfType(UsageException.class, () -> grpo(yaml, settings));
    assertThat(e).as("a UsageException").isNotNull();
    return e.getMessage().replace(directory.toString() + "/", "");
  }

  @Test
  void theReferenceRecipeActsAsWritten() throws IOException {
    GrpoConfig config = grpo(REFERENCE_RECIPE);
    assertThat(config.model()).contains("DeepSeek-R1-Distill-Qwen-7B");
    assertThat(config.chat().template()).contains("{{ bos_token }}{{ messages[0].content }}\n");
    assertThat(config.chat().systemPrompt().orElseThrow()).endsWith("\\boxed{}");
    assertThat(config.data().column()).contains("problem");
    assertThat(config.optimizer().learningRate()).isEqualTo(5e-5);
    assertThat(config.optimizer().scheduler()).isEqualTo(Scheduler.CONSTANT_WITH_WARMUP);
    assertThat(config.optimizer().warmup()).isEqualTo(0.1);
    assertThat(config.optimizer().maxGradNorm()).isEqualTo(0.2);
    assertThat(config.sampling().maxPromptLength()).contains(1024);
    assertThat(config.sampling().temperature()).isEqualTo(0.7);
    assertThat(config.batch()).isEqualTo(new BatchConfig(2, 4, 4, 4, 1));
    assertThat(config.batch().generationBatchSize()).isEqualTo(8);
    assertThat(config.batch().promptsPerGeneration()).isEqualTo(2);
    assertThat(config.rewards().weights()).containsExactly(15.0, 10.0, 10.0, 15.0);
    assertThat(config.run().saveTotalLimit()).contains(1);
    assertThat(config.logCompletions()).isTrue();
    assertThat(config.notApplicable())
        .anyMatch(line -> line.startsWith("torch_dtype, bf16: not applicable: "))
        .noneMatch(line -> line.contains("use_vllm"))
        .noneMatch(line -> line.contains("learning_rate"));
  }

  @Test
  void everyProblemOfAFileIsToldAtOnceWithItsLine() {
    String message =
        problems(
            """
            learning_rte: 1e-5
            num_generations: seven
            beta: -1
            use_dora: true
            loss_type: ppo
            rlkd:
              gsrm:
                alignmnt: tree
              threads: 2
            """);
    assertThat(message).startsWith("6 problems in the configuration:");
    assertThat(message)
        .contains(
            "grpo.yaml, line 1: learning_rte: there is no such key; did you mean 'learning_rate'?")
        .contains(
            "grpo.yaml, line 2: num_generations: found 'seven', expected an integer of at least 2")
        .contains("grpo.yaml, line 3: beta: found '-1', expected a number of at least 0")
        .contains("grpo.yaml, line 4: use_dora: 'true' is refused: DoRA is not implemented")
        .contains("grpo.yaml, line 5: loss_type: found 'ppo', expected one of grpo, bnpo,")
        .contains(
            "grpo.yaml, line 8: rlkd.gsrm.alignmnt: there is no such key; did you mean"
                + " 'rlkd.gsrm.alignment'?");
  }

  @Test
  void aKeyThatStandsTwiceIsToldWithBothLines() {
    assertThat(problems("seed: 1\nbeta: 0\nseed: 2\n"))
        .isEqualTo("grpo.yaml, line 3: seed: found a second time, first on line 1; remove one");
  }

  @Test
  void aTabIsToldWithItsLine() {
    assertThat(problems("rlkd:\n\tthreads: 2\n"))
        .startsWith("grpo.yaml, line 2: found a tab, expected spaces");
  }

  @Test
  void tabsDuplicatesUnknownKeysWrongTypesAndContradictionsAreOneError() {
    String message =
        problems(
            """
            learning_rte: 1e-5
            num_generations: 1
            max_prompt_length: 0
            loss_type: dapoo
            rlkd:
            \tgsrm:
            \t  judge: lexical
            \t  gap_decay: 0.5
              threads: two
            beta: 0.1
            rlkd.gsrm.judge: embedding
            scale_rewards: grup
            beta: 0.2
            eval_strategy: stepz
            num_generations_eval: 3
            load_in_4bit: true
            """,
            "generation_batch_size=12",
            "max_completion_length=long");
    assertThat(message.lines().toList().get(0)).isEqualTo("17 problems in the configuration:");
    assertThat(message.lines().skip(1).map(String::strip))
        .containsExactly(
            "--set generation_batch_size: generation_batch_size: found 12, expected a multiple of"
                + " per_device_train_batch_size, which is 8",
            "--set max_completion_length: max_completion_length: found 'long', expected an integer"
                + " of at least 1",
            "grpo.yaml, line 1: learning_rte: there is no such key; did you mean 'learning_rate'?",
            "grpo.yaml, line 2: num_generations: found '1', expected an integer of at least 2",
            "grpo.yaml, line 3: max_prompt_length: found '0', expected an integer of at least 1, or"
                + " null",
            "grpo.yaml, line 4: loss_type: found 'dapoo', expected one of grpo, bnpo, dr_grpo,"
                + " dapo, cispo, sapo, luspo, vespo; did you mean 'dapo'?",
            "grpo.yaml, line 6: found a tab, expected spaces: YAML is indented by spaces; replace"
                + " the tab",
            "grpo.yaml, line 7: found a tab, expected spaces: YAML is indented by spaces; replace"
                + " the tab",
            "grpo.yaml, line 8: found a tab, expected spaces: YAML is indented by spaces; replace"
                + " the tab",
            "grpo.yaml, line 8: rlkd.gsrm.gap_decay: found 0.5, which alignment: prefix does not"
                + " use; set alignment: monotone or tree",
            "grpo.yaml, line 9: rlkd.threads: found 'two', expected an integer from 0 to 4096",
            "grpo.yaml, line 11: rlkd.gsrm.judge: found a second time, first on line 7; remove one",
            "grpo.yaml, line 12: scale_rewards: found 'grup', expected one of group, batch, none;"
                + " did you mean 'group'?",
            "grpo.yaml, line 13: beta: found a second time, first on line 10; remove one",
            "grpo.yaml, line 14: eval_strategy: found 'stepz', expected one of no, steps, epoch; did"
                + " you mean 'steps'?",
            "grpo.yaml, line 15: num_generations_eval: found 3, which does not divide"
                + " per_device_eval_batch_size, 8; change one so that it does",
            "grpo.yaml, line 16: load_in_4bit: 'true' is refused: quantised models cannot be"
                + " trained; accepted: false");
  }

  @Test
  void aValueThatCannotBeReadIsNotComparedWithOthers() {
    assertThat(problems("num_generations: x\nper_device_train_batch_size: 6\n"))
        .isEqualTo(
            "grpo.yaml, line 1: num_generations: found 'x', expected an integer of at least 2");
    assertThat(problems("per_device_train_batch_size: x\nnum_generations: 6\n"))
        .startsWith("grpo.yaml, line 1: per_device_train_batch_size: found 'x'")
        .doesNotContain("does not divide");
    assertThat(problems("reward_funcs: {a: 1}\nreward_weights: [1]\n"))
        .doesNotContain("weights for");
  }

  @Test
  void brokenYamlIsToldWithItsLine() {
    assertThat(problems("seed: 1\nreward_funcs: [accuracy\nbeta: 0\n"))
        .contains("line 3: broken YAML");
    assertThat(problems("- seed\n- beta\n"))
        .contains("line 1: found ['seed', 'beta'], expected keys and values");
    assertThat(problems("seed: &a [*a]\n")).contains("broken YAML");
  }

  @Test
  void settingsWinOverTheFileAndReachNestedKeys() throws IOException {
    GrpoConfig config =
        grpo(
            "seed: 1\nrlkd:\n  gsrm:\n    alignment: prefix\n",
            "seed=7",
            "rlkd.gsrm.alignment=tree",
            "rlkd.gsrm.gap_decay=0.9",
            "reward_funcs=[accuracy, structure]",
            "rlkd.memory={logprob_tile_mib: 64}");
    assertThat(config.run().seed()).isEqualTo(7);
    assertThat(config.gsrm().alignment()).isEqualTo(Alignment.TREE);
    assertThat(config.gsrm().gapDecay()).isEqualTo(0.9);
    assertThat(config.rewards().functions()).containsExactly("accuracy", "structure");
    assertThat(config.rewards().weights()).containsExactly(1.0, 1.0);
    assertThat(config.machine().logprobTileMib()).isEqualTo(64);
    assertThat(problems("", "sed=7"))
        .isEqualTo("--set sed: sed: there is no such key; did you mean 'seed'?");
    assertThat(problems("", "seed")).contains("expected key=value");
  }

  @Test
  void textOnTheCommandLineIsTakenAsItIsWritten() throws IOException {
    GrpoConfig config =
        grpo("", "system_prompt=Note: say {x} #1", "model_name_or_path=[a]/b: c", "output_dir='x'");
    assertThat(config.chat().systemPrompt()).contains("Note: say {x} #1");
    assertThat(config.model()).contains("[a]/b: c");
    assertThat(config.run().outputDir()).isEqualTo("x");
    assertThat(grpo("system_prompt: a\n", "system_prompt=null").chat().systemPrompt()).isEmpty();
  }

  @Test
  void theRatioOfTrainerAndSamplerComesWithUseVllm() throws IOException {
    assertThat(grpo("").loss().samplerRatio()).isEmpty();
    assertThat(grpo("use_vllm: true\n").loss().samplerRatio())
        .contains(
            new SamplerRatioConfig(
                SamplerRatioMode.SEQUENCE_MASK, Optional.empty(), Optional.of(3.0)));
    assertThat(grpo("use_vllm: true\nvllm_importance_sampling_cap: 2\n").loss().samplerRatio())
        .hasValueSatisfying(ratio -> assertThat(ratio.clipMax()).contains(2.0));
    assertThat(
            grpo("use_vllm: true\nvllm_importance_sampling_correction: false\n")
                .loss()
                .samplerRatio())
        .isEmpty();
  }

  @Test
  void anEmptyFileGivesTheDefaults() throws IOException {
    assertThat(grpo("# nothing\n")).isEqualTo(GrpoConfig.load(Optional.empty(), List.of()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "num_generations=3 | does not divide the generation batch of 8 completions",
        "generation_batch_size=12 | expected a multiple of per_device_train_batch_size, which is 8",
        "generation_batch_size=16;steps_per_generation=2 | not both",
        "warmup_ratio=0.1;warmup_steps=5 | not both",
        "warmup_steps=2.5 | expected a whole number of steps",
        "reward_weights=[1, 2] | found 2 weights for 3 reward functions",
        "reward_funcs=[format, format] | 'format' twice",
        "reward_funcs=[] | expected at least one",
        "lr_scheduler_type=cosine_with_min_lr | needs min_lr_rate or min_lr",
        "lr_scheduler_kwargs={min_lr_rate: 0.1} | expected num_cycles",
        "lr_scheduler_type=polynomial | expected one of constant",
        "rlkd.gsrm.gap_decay=0.5 | which alignment: prefix does not use",
        "rlkd.gsrm.judge_endpoint.model=m | not used unless rlkd.gsrm.judge: endpoint",
        "max_steps=0 | or -1 to go by num_train_epochs",
        "seed=010 | expected an integer",
        "learning_rate=nan | expected a number",
        "learning_rate=.inf | expected a number",
        "save_steps=0.1 | expected an integer of at least 1",
        "report_to=[wandb] | is refused",
        "eval_delay=5 | the first step that is due",
        "push_to_hub=true | rlkd uploads nothing",
        "num_generations_eval=3 | does not divide per_device_eval_batch_size, 8",
        "save_strategy=best | best needs evaluation during training",
        "use_adaptive_entropy=true;top_entropy_quantile=0.5 | not implemented together",
        "entropy_coef_min=2 | expected at most entropy_coef_max, 1.0",
        "vllm_importance_sampling_clip_min=4 | expected at most the upper bound, 3.0",
        "vllm_importance_sampling_cap=2;vllm_importance_sampling_clip_max=2 | give one of them",
        "use_vllm=true;loss_type=vespo | expected token_truncate or token_mask",
        "rlkd=3 | expected indented keys under it",
        "temperature=0 | expected a number above 0",
        "chat_template=missing.jinja | cannot read missing.jinja",
        "dataset_name=a;rlkd.dataset_files=[b] | not both",
      })
  void whatDoesNotFitIsRefusedByName(String settings, String expected) {
    assertThat(problems("", settings.strip().split(";"))).contains(expected.strip());
  }

  @Test
  void oneProblemIsToldOnce() {
    assertThat(problems("", "generation_batch_size=x"))
        .doesNotContain("problems")
        .doesNotContain("\n");
  }

  @Test
  void numbersAreReadAsPeopleWriteThem() throws IOException {
    GrpoConfig config =
        grpo(
            """
            learning_rate: 1e-6
            max_completion_length: 4_096
            beta: "0.04"
            scale_rewards: false
            eval_strategy: no
            report_to: [none]
            lr_scheduler_type: cosine_with_min_lr
            lr_scheduler_kwargs: {min_lr: 1e-7, num_cycles: 1}
            chat_template_kwargs: {enable_thinking: false, level: 3, style: "3"}
            """);
    assertThat(config.optimizer().learningRate()).isEqualTo(1e-6);
    assertThat(config.optimizer().minimumRatio())
        .isCloseTo(0.1, org.assertj.core.data.Offset.offset(1e-15));
    assertThat(config.optimizer().cycles()).isEqualTo(1);
    assertThat(config.sampling().maxCompletionLength()).isEqualTo(4096);
    assertThat(config.loss().beta()).isEqualTo(0.04);
    assertThat(config.loss().scaleRewards()).isEqualTo(ScaleRewards.NONE);
    assertThat(config.chat().templateVariables())
        .isEqualTo(Map.of("enable_thinking", false, "level", 3L, "style", "3"));
  }

  @Test
  void epsilonHighIsEpsilonUnlessGiven() throws IOException {
    assertThat(grpo("epsilon: 0.3\n").loss().epsilonHigh()).isEqualTo(0.3);
    assertThat(grpo("epsilon_high: 0.28\n").loss().epsilonHigh()).isEqualTo(0.28);
  }

  @Test
  void sftHasItsOwnKeysAndDefaults() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("sft.yaml"),
            "max_length: 25000\n"
                + "weight_decay: 0.0001\n"
                + "optim: adamw_torch\n"
                + "use_liger_kernel: true\n"
                + "assistant_only_loss: true\n");
    SftConfig config = SftConfig.load(Optional.of(file), List.of());
    assertThat(config.maxLength()).isEqualTo(25000);
    assertThat(config.assistantOnlyLoss()).isTrue();
    assertThat(config.optimizer().learningRate()).isEqualTo(2e-5);
    assertThat(config.data().column()).contains("text");
    assertThat(config.sampling()).isEqualTo(SamplingStrategy.RANDOM);
    assertThat(SftConfig.load(Optional.empty(), List.of("max_seq_length=99")).maxLength())
        .isEqualTo(99);
    assertThat(config.packing()).isEmpty();
    assertThat(SftConfig.load(Optional.empty(), List.of("packing=true")).packing())
        .contains(PackingStrategy.BFD);
    assertThatThrownBy(() -> SftConfig.load(Optional.empty(), List.of("packing_strategy=wrapped")))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("packing_strategy: found 'wrapped', expected one of bfd, bfd_split");
    assertThatThrownBy(() -> SftConfig.load(Optional.empty(), List.of("eval_packing=true")))
        .hasMessageContaining("eval_packing");
    assertThatThrownBy(() -> SftConfig.load(Optional.empty(), List.of("num_generations=8")))
        .hasMessageContaining("num_generations: there is no such key");
  }

  @Test
  void aMemoryBudgetIsASizeOfTheCpu() {
    assertThat(sft("rlkd.memory.budget=4GiB").machine().memoryBudget()).contains(4L << 30);
    assertThat(sft("rlkd.memory.budget=1.5 GiB").machine().memoryBudget()).contains(3L << 29);
    assertThat(sft("rlkd.memory.budget=null").machine().memoryBudget()).isEmpty();
    for (String wrong : List.of("4", "4GB", "0MiB", "-1GiB", "x")) {
      assertThatThrownBy(() -> sft("rlkd.memory.budget=" + wrong))
          .as(wrong)
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("expected a size such as 4GiB");
    }
    assertThatThrownBy(
            () ->
                SftConfig.load(
                    Optional.empty(), List.of("rlkd.memory.budget=4GiB", "rlkd.device=cuda")))
        .hasMessageContaining("plans the memory of the CPU alone");
  }

  private static SftConfig sft(String setting) {
    return SftConfig.load(Optional.empty(), List.of(setting));
  }

  @Test
  void aTemplateFileIsReadInItsPlace() throws IOException {
    Path template = Files.writeString(directory.resolve("chat.jinja"), "{{ messages }}");
    GrpoConfig config = GrpoConfig.load(Optional.empty(), List.of("chat_template=" + template));
    assertThat(config.chat().template()).contains("{{ messages }}");
  }

  @Test
  void aFileThatIsNotThereOrNoTextIsAnInputError() throws IOException {
    assertThatThrownBy(() -> GrpoConfig.load(Optional.of(directory.resolve("no.yaml")), List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no.yaml does not exist");
    Path binary =
        Files.write(directory.resolve("b.yaml"), "sé".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> GrpoConfig.load(Optional.of(binary), List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("not UTF-8");
  }
}
