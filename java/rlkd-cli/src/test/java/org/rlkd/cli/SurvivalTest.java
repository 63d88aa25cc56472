package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whole runs in processes of their own that are asked to stop, or killed, and resumed. The property
 * {@code rlkd.kills} sets how often a run is killed, {@code rlkd.kill.seed} when.
 */
class SurvivalTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SIGKILL = 128 + 9;
  private static final int KILLS = Integer.getInteger("rlkd.kills", 2);
  private static final int STEPS = 12;

  @TempDir Path folder;
  private int outputs;

  private static final String LORA =
      """
      use_peft: true
      lora_r: 4
      lora_dropout: 0.1
      lora_target_modules: [all-linear]
      """;

  /** The file's command is the word before the hyphen. */
  private void writeConfigurations(String sft, String train) {
    TinyStudent.write(folder.resolve("sft.yaml"), sft);
    TinyStudent.write(folder.resolve("train.yaml"), train);
    TinyStudent.write(folder.resolve("sft-lora.yaml"), sft + LORA);
    TinyStudent.write(folder.resolve("train-lora.yaml"), train + LORA);
    // Steps are read from the tags; the judge is a model, whose answers are kept on disk.
    TinyStudent.write(
        folder.resolve("train-gsrm.yaml"),
        train.replace("[tag_count, format]", "[tag_count, structure]")
            + "rlkd: {gsrm: {judge: %s, normalize: teacher}}\n".formatted(folder.resolve("judge")));
  }

  @BeforeEach
  void writeModelAndData() {
    TinyStudent.write(folder.resolve("base"));
    TinyStudent.writeJudge(folder.resolve("judge"));
    TinyStudent.write(folder.resolve("sums.jsonl"), TinyStudent.problems(16));
    TinyStudent.write(folder.resolve("solutions.jsonl"), TinyStudent.solutions(16));
    writeConfigurations(
        """
        dataset_name: solutions.jsonl
        rlkd: {eval_dataset_files: [solutions.jsonl]}
        eval_strategy: steps
        eval_steps: 2
        metric_for_best_model: loss
        save_total_limit: 2
        per_device_train_batch_size: 4
        gradient_accumulation_steps: 2
        learning_rate: 0.003
        lr_scheduler_type: constant
        logging_steps: 1
        """,
        """
        dataset_name: sums.jsonl
        num_generations: 4
        per_device_train_batch_size: 8
        num_iterations: 2
        beta: 0.04
        max_completion_length: 24
        use_adaptive_entropy: true
        entropy_coef: 0.01
        entropy_target: 3.5
        learning_rate: 0.003
        lr_scheduler_type: constant
        reward_funcs: [tag_count, format]
        logging_steps: 1
        log_completions: true
        """);
  }

  private ChildRun start(String run, String out, String... more) throws IOException {
    return ChildRun.start(nextOutput(), arguments(run, out, more));
  }

  private Path nextOutput() {
    return folder.resolve("output-%d.txt".formatted(outputs++));
  }

  private List<String> arguments(String run, String out, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                run.split("-")[0],
                "--config",
                folder.resolve(run + ".yaml").toString(),
                "--model",
                folder.resolve(run.equals("train-gsrm") ? "tuned" : "base").toString(),
                "--out",
                folder.resolve(out).toString()));
    arguments.addAll(List.of(more));
    return arguments;
  }

  private void complete(ChildRun run) throws IOException, InterruptedException {
    assertThat(run.exitCode()).as(run.said()).isZero();
  }

  private int steps(String out) {
    Path metrics = folder.resolve(out).resolve("metrics.jsonl");
    try (Stream<String> lines = Files.exists(metrics) ? Files.lines(metrics) : Stream.empty()) {
      return (int) lines.filter(line -> !line.contains("\"eval_")).count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sft", "train"})
  void a_run_asked_to_stop_saves_a_checkpoint_exits_0_and_resumes_bit_for_bit(String command)
      throws Exception {
    ChildRun stopped = start(command, "stopped", "--set", "max_steps=100000");
    stopped.await(() -> steps("stopped") >= 3);
    stopped.process().destroy();
    assertThat(stopped.exitCode()).as(stopped.said()).isZero();
    assertThat(stopped.said()).contains("SIGTERM", "--resume");
    int done = steps("stopped");
    assertThat(checkpoints("stopped")).containsExactly("checkpoint-" + done);
    assertThat(folder.resolve("stopped/model.safetensors")).doesNotExist();

    String further = "max_steps=" + (done + 3);
    complete(start(command, "stopped", "--resume", "--set", further));
    complete(start(command, "whole", "--set", further));
    assertEqualRuns("stopped", "whole");
  }

  @Test
  void a_run_whose_disk_is_full_says_so_and_leaves_no_part_of_a_checkpoint() throws Exception {
    String[] settings = {"--set", "max_steps=3", "--set", "save_steps=2"};
    ChildRun run = ChildRun.startOnFullDisk(64, nextOutput(), arguments("train", "full", settings));
    assertThat(run.exitCode()).as(run.said()).isEqualTo(1);
    assertThat(run.said())
        .contains("checkpoint-2", "File too large", "free")
        .doesNotContain("Exception");
    assertThat(checkpoints("full")).isEmpty();
    assertThat(isSaving("full")).as("a checkpoint in part").isFalse();
    assertThat(steps("full")).as("steps in metrics.jsonl").isEqualTo(2);

    complete(start("train", "whole", settings));
    complete(start("train", "full", append(settings, "--set", "overwrite_output_dir=true")));
    assertEqualRuns("full", "whole");
  }

  private static String[] append(String[] some, String... more) {
    return Stream.concat(Stream.of(some), Stream.of(more)).toArray(String[]::new);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sft", "train", "sft-lora", "train-lora", "train-gsrm"})
  void a_run_killed_at_random_moments_ends_with_the_weights_of_one_that_was_not(String command)
      throws Exception {
    String[] settings = {"--set", "max_steps=" + STEPS, "--set", "save_steps=1"};
    if (command.equals("train-gsrm")) { // a student that writes steps
      complete(start("sft", "tuned", "--set", "max_steps=60", "--set", "learning_rate=0.01"));
    }
    complete(start(command, "whole", settings));
    Random random = new Random(Long.getLong("rlkd.kill.seed", 1));
    int kills = 0;
    int insideSave = 0;
    for (int attempt = 0; kills < KILLS; attempt++) {
      ChildRun run = resumed(command, settings);
      int before = steps("killed");
      int further = random.nextInt(3);
      boolean atSave = random.nextBoolean();
      run.await(() -> steps("killed") >= before + further && (!atSave || isSaving("killed")));
      Thread.sleep(random.nextInt(atSave ? 4 : 60));
      run.process().destroyForcibly();
      int exit = run.exitCode();
      assertThat(exit).as(run.said()).isIn(0, SIGKILL);
      if (exit == 0) { // it was faster; the next run starts over
        deleteRun("killed");
        continue;
      }
      kills++;
      insideSave += isSaving("killed") ? 1 : 0;
    }
    complete(resumed(command, settings));
    if (command.equals("train-gsrm")) {
      assertThat(Files.size(folder.resolve("killed/judge-cache.bin"))).isPositive();
      assertThat(Files.size(folder.resolve("killed/teacher-cache.jsonl"))).isPositive();
    }
    System.out.printf("%s: killed %d times, %d inside a save%n", command, kills, insideSave);
    assertEqualRuns("killed", "whole");
  }

  private ChildRun resumed(String command, String... settings) throws IOException {
    List<String> more = new ArrayList<>(List.of(settings));
    if (checkpoints("killed").isEmpty()) {
      more.addAll(List.of("--set", "overwrite_output_dir=true"));
    } else {
      more.add("--resume");
    }
    return start(command, "killed", more.toArray(String[]::new));
  }

  private boolean isSaving(String out) {
    return !entries(out, ".checkpoint-").isEmpty();
  }

  private List<String> checkpoints(String out) {
    return entries(out, "checkpoint-");
  }

  private List<String> entries(String out, String prefix) {
    Path directory = folder.resolve(out);
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .filter(name -> name.startsWith(prefix))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void deleteRun(String out) throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve(out))) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private void assertEqualRuns(String one, String other) throws IOException {
    Path a = folder.resolve(one);
    Path b = folder.resolve(other);
    String weights =
        Files.exists(b.resolve("adapter_model.safetensors"))
            ? "adapter_model.safetensors"
            : "model.safetensors";
    assertThat(a.resolve(weights)).hasSameBinaryContentAs(b.resolve(weights));
    assertThat(metrics(a)).isNotEmpty().isEqualTo(metrics(b));
    if (Files.exists(b.resolve("completions.jsonl"))) {
      assertThat(a.resolve("completions.jsonl"))
          .hasSameBinaryContentAs(b.resolve("completions.jsonl"));
    }
  }

  /**
   * The lines of metrics.jsonl without what a clock says, and without what was in a cache already:
   * a step that was killed has filled it for the next try.
   */
  private static List<String> metrics(Path run) throws IOException {
    List<String> lines = new ArrayList<>();
    for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
      ObjectNode metrics = (ObjectNode) JSON.readTree(line);
      List<String> times = new ArrayList<>();
      metrics
          .fieldNames()
          .forEachRemaining(
              name -> {
                if (name.startsWith("time/")
                    || name.startsWith("gsrm/judge_")
                    || name.equals("gsrm/teacher_cache_hit_rate")
                    || List.of("step_time", "tokens_per_second", "eval_runtime").contains(name)) {
                  times.add(name);
                }
              });
      lines.add(metrics.remove(times).toString());
    }
    return lines;
  }
}
