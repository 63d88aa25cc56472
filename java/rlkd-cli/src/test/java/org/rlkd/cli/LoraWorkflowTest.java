package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** LoRA from the command line: tuned, trained, resumed, merged. */
class LoraWorkflowTest {
  private static final String LORA =
      """
      use_peft: true
      lora_r: 8
      lora_dropout: 0.1
      lora_target_modules: [all-linear]
      logging_steps: 1
      """;

  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    TinyStudent.write(folder.resolve("base"));
    TinyStudent.write(folder.resolve("sums.jsonl"), TinyStudent.problems(8));
    TinyStudent.write(folder.resolve("solutions.jsonl"), TinyStudent.solutions(8));
  }

  private void rlkd(String... arguments) throws IOException {
    CapturedRun run = CapturedRun.of(arguments);
    assertThat(run.exitCode()).as(run.err()).isZero();
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private void train(String command, String yaml, String data, String out, String... settings)
      throws IOException {
    TinyStudent.write(folder.resolve(command + ".yaml"), LORA + yaml);
    List<String> arguments =
        new ArrayList<>(
            List.of(
                command,
                "--config",
                path(command + ".yaml"),
                "--model",
                path("base"),
                "--data",
                path(data),
                "--out",
                path(out)));
    arguments.addAll(Arrays.asList(settings));
    rlkd(arguments.toArray(String[]::new));
  }

  private byte[] bytes(String file) throws IOException {
    return Files.readAllBytes(folder.resolve(file));
  }

  @Test
  void an_adapter_is_tuned_and_merged_and_the_base_stays_as_it_was() throws IOException {
    byte[] base = bytes("base/model.safetensors");
    train(
        "sft",
        "max_steps: 60\nper_device_train_batch_size: 8\nlearning_rate: 0.01\nsave_strategy: 'no'\n",
        "solutions.jsonl",
        "tuned");
    assertThat(bytes("base/model.safetensors")).isEqualTo(base);
    assertThat(folder.resolve("tuned/adapter_model.safetensors")).exists();
    assertThat(folder.resolve("tuned/model.safetensors")).doesNotExist();
    List<String> metrics = Files.readAllLines(folder.resolve("tuned/metrics.jsonl"));
    assertThat(loss(metrics.get(metrics.size() - 1))).isLessThan(0.8 * loss(metrics.get(0)));

    rlkd("merge", "--adapter", path("tuned"), "--out", path("merged"));
    assertThat(bytes("merged/model.safetensors")).isNotEqualTo(base);
    String[] prompt = {"--prompt", "what is 3 plus 0", "--temperature", "0", "--max-tokens", "30"};
    assertThat(generated("tuned", prompt)).isEqualTo(generated("merged", prompt));
  }

  private String generated(String model, String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("generate", "--model", path(model)));
    arguments.addAll(Arrays.asList(more));
    CapturedRun run = CapturedRun.of(arguments.toArray(String[]::new));
    assertThat(run.exitCode()).as(run.err()).isZero();
    return run.out();
  }

  private static double loss(String line) {
    return Double.parseDouble(line.replaceAll(".*\"loss\":([-0-9.eE]+).*", "$1"));
  }

  @Test
  void a_resumed_run_with_dropout_and_a_reference_ends_with_the_same_bits() throws IOException {
    String yaml =
        """
        per_device_train_batch_size: 8
        num_generations: 4
        max_completion_length: 20
        learning_rate: 0.01
        beta: 0.1
        save_steps: 2
        reward_funcs: [length]
        """;
    train("train", yaml, "sums.jsonl", "whole", "--set", "max_steps=4");
    train(
        "train",
        yaml,
        "sums.jsonl",
        "parts",
        "--set",
        "max_steps=4",
        "--set",
        "save_total_limit=9");
    // Back to the checkpoint of step 2, as after a kill.
    for (String name : List.of("adapter_model.safetensors", "adapter_config.json")) {
      Files.delete(folder.resolve("parts").resolve(name));
    }
    rlkd(
        "train",
        "--config",
        path("train.yaml"),
        "--model",
        path("base"),
        "--data",
        path("sums.jsonl"),
        "--out",
        path("parts"),
        "--set",
        "max_steps=4",
        "--set",
        "resume_from_checkpoint=" + path("parts/checkpoint-2"));
    assertThat(bytes("parts/adapter_model.safetensors"))
        .isEqualTo(bytes("whole/adapter_model.safetensors"));
    assertThat(bytes("whole/checkpoint-2/adapter_model.safetensors"))
        .isNotEqualTo(bytes("whole/adapter_model.safetensors"));
  }
}
