package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Bad input: the exit code, a paragraph that says where and what to do, and nothing left behind.
 */
class CommandLineTest {
  private static final int INPUT = 1;
  private static final int USAGE = 2;

  @TempDir Path folder;
  private Path model;
  private Path data;
  private Path config;
  private Path out;

  @BeforeEach
  void makeGoodInput() {
    model = TinyStudent.write(folder.resolve("model"));
    data = TinyStudent.write(folder.resolve("data.jsonl"), TinyStudent.problems(6));
    config = folder.resolve("config.yaml");
    out = folder.resolve("out");
    configure("");
  }

  private void configure(String furtherLines) {
    TinyStudent.write(
        config,
        """
        max_steps: 1
        num_generations: 2
        per_device_train_batch_size: 4
        max_completion_length: 8
        reward_funcs: [accuracy, format]
        """
            + furtherLines);
  }

  private CapturedRun train(String... further) {
    return CapturedRun.of(
        Stream.concat(
                Stream.of("train", "--config", config.toString(), "--model", model.toString())
                    .sequential(),
                Stream.concat(
                    Stream.of("--data", data.toString(), "--out", out.toString()),
                    Arrays.stream(further)))
            .toArray(String[]::new));
  }

  /** Runs what must be refused; what lies in the folder must be the same before and after. */
  private String refused(int exitCode, Supplier<CapturedRun> command) {
    TreeMap<String, Long> before = contents();
    CapturedRun run = command.get();
    assertThat(run.exitCode()).as(run.err()).isEqualTo(exitCode);
    assertThat(run.error()).startsWith("rlkd: ");
    assertThat(run.err()).doesNotContain("\tat ", "a defect in rlkd");
    assertThat(run.err().lines().filter(line -> line.startsWith("rlkd: "))).hasSize(1);
    assertThat(contents()).as("files after the refusal").isEqualTo(before);
    return run.error();
  }

  private TreeMap<String, Long> contents() {
    TreeMap<String, Long> sizes = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        sizes.put(
            folder.relativize(file).toString(), Files.isDirectory(file) ? -1 : Files.size(file));
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return sizes;
  }

  @Test
  void the_input_of_these_tests_is_good_before_they_break_it() {
    CapturedRun run = train();
    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.out().strip()).isEqualTo(out.toString());
    // Fewer steps than logging_steps are logged all the same.
    assertThat(out.resolve("metrics.jsonl")).isNotEmptyFile();
  }

  @Test
  void an_unknown_command_is_answered_with_the_one_that_was_meant() {
    assertThat(refused(USAGE, () -> CapturedRun.of("trian"))).contains("'trian'", "train");
  }

  @Test
  void a_missing_command_is_a_usage_error() {
    assertThat(refused(USAGE, () -> CapturedRun.of())).contains("command");
  }

  @Test
  void an_unknown_option_is_named() {
    assertThat(refused(USAGE, () -> train("--modle", "x"))).contains("--modle");
  }

  @Test
  void a_missing_required_option_is_named() {
    assertThat(refused(USAGE, () -> CapturedRun.of("generate", "--prompt", "x")))
        .contains("--model");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--threads", "--samples", "--limit"})
  void a_count_below_one_is_refused(String option) {
    assertThat(
            refused(
                USAGE,
                () ->
                    CapturedRun.of(
                        "eval",
                        "--model",
                        model.toString(),
                        "--data",
                        data.toString(),
                        option,
                        "0")))
        .contains(option, "0", "at least 1");
  }

  @Test
  void a_missing_configuration_is_named() {
    config = folder.resolve("nowhere.yaml");
    assertThat(refused(INPUT, this::train)).contains("nowhere.yaml");
  }

  @Test
  void an_unknown_key_comes_with_its_line_and_the_closest_known_one() {
    configure("learning_rat: 0.1\n");
    assertThat(refused(USAGE, this::train))
        .contains("config.yaml", "line 6", "learning_rat", "learning_rate");
  }

  @Test
  void a_missing_model_directory_is_named() {
    model = folder.resolve("no-model");
    assertThat(refused(INPUT, this::train)).contains("no-model");
  }

  @Test
  void a_missing_tokenizer_is_named() throws IOException {
    Files.delete(model.resolve("tokenizer.json"));
    assertThat(refused(INPUT, this::train)).contains("tokenizer.json");
  }

  @Test
  void an_unknown_architecture_is_named_with_the_known_ones() throws IOException {
    Path file = model.resolve("config.json");
    Files.writeString(
        file, Files.readString(file).replace("Qwen2", "Mamba").replace("qwen2", "mamba"));
    assertThat(refused(INPUT, this::train)).contains("config.json").containsIgnoringCase("mamba");
  }

  @Test
  void truncated_weights_are_named() throws IOException {
    Path file = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length - 100));
    assertThat(refused(INPUT, this::train)).contains("model.safetensors");
    Files.write(file, Arrays.copyOf(bytes, 5));
    assertThat(refused(INPUT, () -> generate("what is"))).contains("model.safetensors");
  }

  @Test
  void a_tensor_of_another_shape_is_named() throws IOException {
    Path file = model.resolve("config.json");
    String text = Files.readString(file);
    Files.writeString(
        file, text.replaceAll("\"intermediate_size\" ?: ?64", "\"intermediate_size\":96"));
    assertThat(Files.readString(file)).isNotEqualTo(text);
    assertThat(refused(INPUT, () -> generate("what is"))).contains("mlp.", "64", "96");
  }

  private CapturedRun generate(String prompt) {
    return CapturedRun.of("generate", "--model", model.toString(), "--prompt", prompt);
  }

  @Test
  void a_broken_line_is_named_by_file_and_number() {
    TinyStudent.write(data, TinyStudent.problems(2) + "{\"problem\": \"what\n");
    assertThat(refused(INPUT, this::train)).contains("data.jsonl, line 3");
  }

  @Test
  void a_row_without_answer_is_named() {
    TinyStudent.write(data, TinyStudent.problems(1) + "{\"problem\": \"what is\"}\n");
    assertThat(refused(INPUT, this::train)).contains("data.jsonl", "row 2", "answer");
  }

  @Test
  void an_empty_data_set_is_refused() {
    TinyStudent.write(data, "");
    assertThat(refused(INPUT, this::train)).contains("data.jsonl", "empty");
  }

  @Test
  void an_empty_data_set_for_sft_is_refused() {
    TinyStudent.write(data, "\n");
    TinyStudent.write(config, "max_steps: 1\n");
    assertThat(
            refused(
                INPUT,
                () ->
                    CapturedRun.of(
                        "sft",
                        "--config",
                        config.toString(),
                        "--model",
                        model.toString(),
                        "--data",
                        data.toString(),
                        "--out",
                        out.toString())))
        .contains("data.jsonl");
  }

  @Test
  void a_missing_data_file_is_named_with_the_places_that_were_searched() {
    data = Path.of("no-such-folder/data");
    assertThat(refused(INPUT, this::train)).contains("no-such-folder/data", "$RLKD_SHARED");
  }

  @Test
  void a_prompt_longer_than_the_limit_is_named() {
    configure("max_prompt_length: 4\n");
    assertThat(refused(INPUT, this::train)).contains("sum-0", "5 tokens", "max_prompt_length");
  }

  @Test
  void a_group_size_that_does_not_divide_the_batch_is_refused_with_its_line() {
    assertThat(refused(USAGE, () -> train("--set", "num_generations=3")))
        .contains("num_generations", "3", "4");
  }

  @Test
  void an_unknown_reward_is_answered_with_the_closest_one() {
    configure("reward_weights: [1, 1]\n");
    assertThat(refused(USAGE, () -> train("--set", "reward_funcs=[accuracy, formt]")))
        .contains("formt", "format");
  }

  @Test
  void an_output_directory_that_cannot_be_made_is_refused() {
    TinyStudent.write(out, "a file is in the way");
    assertThat(refused(INPUT, this::train)).contains(out.toString());
    out = out.resolve("deeper");
    assertThat(refused(INPUT, this::train)).contains(out.toString());
  }

  @Test
  void an_earlier_run_is_neither_continued_nor_overwritten_unasked() {
    assertThat(train().exitCode()).isZero();
    assertThat(refused(USAGE, this::train)).contains(out.toString(), "--resume");
  }

  @Test
  void a_run_without_checkpoint_cannot_be_resumed() {
    assertThat(refused(INPUT, () -> train("--resume"))).contains(out.toString(), "checkpoint");
  }

  @Test
  void an_evaluation_does_not_write_into_a_directory_that_holds_something() throws IOException {
    Files.createDirectory(out);
    Files.writeString(out.resolve("precious.txt"), "precious");
    assertThat(
            refused(
                INPUT,
                () ->
                    CapturedRun.of(
                        "eval",
                        "--model",
                        model.toString(),
                        "--data",
                        data.toString(),
                        "--out",
                        out.toString())))
        .contains(out.toString(), "not empty");
  }

  @Test
  void a_structure_reward_without_teacher_paths_is_refused() {
    TinyStudent.write(data, "{\"problem\": \"what is\", \"answer\": \"3\"}\n");
    assertThat(
            refused(
                INPUT,
                () ->
                    CapturedRun.of(
                        "eval",
                        "--model",
                        model.toString(),
                        "--data",
                        data.toString(),
                        "--gsrm",
                        model.toString())))
        .contains("data.jsonl", "teacher");
  }

  @Test
  void a_model_directory_that_is_no_decomposer_is_refused() {
    assertThat(
            refused(
                INPUT,
                () ->
                    CapturedRun.of(
                        "eval",
                        "--model",
                        model.toString(),
                        "--data",
                        data.toString(),
                        "--gsrm",
                        model.toString(),
                        "--out",
                        out.toString())))
        .contains("gsrm.json", "decomposer");
  }

  @Test
  void scores_of_a_file_with_a_bad_row_are_not_left_half_written() {
    TinyStudent.write(data, "{\"text\": \"what is\"}\n{\"tokens\": [1, 100000]}\n");
    assertThat(refused(INPUT, this::score)).contains("data.jsonl", "100000");
    TinyStudent.write(data, "{\"text\": \"what is\"}\n{\"txt\": \"what\"}\n");
    assertThat(refused(INPUT, this::score)).contains("data.jsonl, row 2", "text");
  }

  @Test
  void an_empty_file_to_score_is_refused() {
    TinyStudent.write(data, "");
    assertThat(refused(INPUT, this::score)).contains("data.jsonl is empty");
  }

  private CapturedRun score() {
    List<String> arguments =
        List.of(
            "score",
            "--model",
            model.toString(),
            "--input",
            data.toString(),
            "--out",
            folder.resolve("scores.jsonl").toString(),
            "--batch-size",
            "1");
    return CapturedRun.of(arguments.toArray(String[]::new));
  }

  @Test
  void verbose_adds_the_stack_trace() {
    model = folder.resolve("no-model");
    CapturedRun run = train("--verbose");
    assertThat(run.exitCode()).isEqualTo(INPUT);
    assertThat(run.err()).contains("\tat org.rlkd.");
  }
}
