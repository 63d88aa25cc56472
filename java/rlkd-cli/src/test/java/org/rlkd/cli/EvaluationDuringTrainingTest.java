package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs with held-out data, on a model of thirty thousand weights. */
class EvaluationDuringTrainingTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  @BeforeEach
  void writeModelAndData() throws IOException {
    TinyStudent.write(folder.resolve("base"));
    Path data = Files.createDirectory(folder.resolve("sums"));
    TinyStudent.write(data.resolve("train.jsonl"), TinyStudent.problems(8));
    TinyStudent.write(data.resolve("test.jsonl"), TinyStudent.problems(3));
    TinyStudent.write(folder.resolve("solutions.jsonl"), TinyStudent.solutions(8));
    TinyStudent.write(folder.resolve("others.jsonl"), TinyStudent.solutions(24));
  }

  private List<JsonNode> run(String command, String yaml, String out) throws IOException {
    Path config = TinyStudent.write(folder.resolve(command + ".yaml"), yaml);
    CapturedRun run =
        CapturedRun.of(
            command,
            "--config",
            config.toString(),
            "--model",
            folder.resolve("base").toString(),
            "--out",
            folder.resolve(out).toString());
    assertThat(run.exitCode()).as(run.err()).isZero();
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve(out).resolve("metrics.jsonl"))) {
      lines.add(JSON.readTree(line));
    }
    return lines;
  }

  @Test
  void the_model_of_the_step_with_the_least_loss_is_kept_and_becomes_the_result()
      throws IOException {
    List<JsonNode> lines =
        run(
            "sft",
            """
            dataset_name: solutions.jsonl
            rlkd: {eval_dataset_files: [others.jsonl], early_stopping: {patience: 4}}
            max_steps: 300
            per_device_train_batch_size: 8
            learning_rate: 0.03
            lr_scheduler_type: constant
            logging_steps: 10
            eval_strategy: steps
            eval_steps: 5
            eval_on_start: true
            save_steps: 5
            save_total_limit: 2
            load_best_model_at_end: true
            """,
            "tuned");
    List<JsonNode> evaluations = lines.stream().filter(line -> line.has("eval_loss")).toList();
    JsonNode best = evaluations.get(0);
    for (JsonNode line : evaluations) {
      best =
          line.get("eval_loss").doubleValue() < best.get("eval_loss").doubleValue() ? line : best;
    }
    int last = evaluations.get(evaluations.size() - 1).get("step").intValue();
    int bestStep = best.get("step").intValue();
    assertThat(evaluations.get(0).get("step").intValue()).isZero();
    assertThat(bestStep).isPositive();
    assertThat(last).as("ended early").isLessThan(300).isEqualTo(bestStep + 20);
    try (Stream<Path> entries = Files.list(folder.resolve("tuned"))) {
      assertThat(entries.map(entry -> entry.getFileName().toString()))
          .filteredOn(name -> name.startsWith("checkpoint"))
          .containsExactlyInAnyOrder("checkpoint-" + bestStep, "checkpoint-" + last);
    }
    assertThat(folder.resolve("tuned/model.safetensors"))
        .hasSameBinaryContentAs(
            folder.resolve("tuned/checkpoint-%d/model.safetensors".formatted(bestStep)));
    assertThat(folder.resolve("tuned/tokenizer.json")).exists();
    assertThat(folder.resolve("tuned/optimizer.safetensors")).doesNotExist();
  }

  @Test
  void the_strategy_best_saves_after_each_evaluation_that_is_the_best_so_far() throws IOException {
    List<JsonNode> lines =
        run(
            "sft",
            """
            dataset_name: solutions.jsonl
            rlkd: {eval_dataset_files: [others.jsonl]}
            max_steps: 60
            per_device_train_batch_size: 8
            learning_rate: 0.03
            lr_scheduler_type: constant
            eval_strategy: steps
            eval_steps: 5
            metric_for_best_model: loss
            save_strategy: best
            """,
            "tuned");
    List<String> expected = new ArrayList<>();
    int worse = 0;
    double best = Double.POSITIVE_INFINITY;
    for (JsonNode line : lines) {
      if (line.has("eval_loss") && line.get("eval_loss").doubleValue() < best) {
        best = line.get("eval_loss").doubleValue();
        expected.add("checkpoint-" + line.get("step").intValue());
      } else if (line.has("eval_loss")) {
        worse++;
      }
    }
    assertThat(worse).as("evaluations that are not the best so far").isPositive();
    try (Stream<Path> entries = Files.list(folder.resolve("tuned"))) {
      assertThat(entries.map(entry -> entry.getFileName().toString()))
          .filteredOn(name -> name.startsWith("checkpoint"))
          .containsExactlyInAnyOrderElementsOf(expected);
    }
  }

  @Test
  void rewards_of_held_out_prompts_are_measured_and_training_goes_as_without_them()
      throws IOException {
    String training =
        """
        dataset_name: sums
        max_steps: 4
        num_generations: 4
        per_device_train_batch_size: 8
        max_completion_length: 24
        learning_rate: 0.003
        reward_funcs: [tag_count, format]
        logging_steps: 1
        save_strategy: "no"
        """;
    List<JsonNode> evaluated =
        run(
            "train",
            training
                + """
                eval_strategy: steps
                eval_steps: 2
                do_eval: true
                num_generations_eval: 2
                beta: 0.1
                """,
            "evaluated");
    List<JsonNode> plain = run("train", training + "beta: 0.1\n", "plain");
    List<JsonNode> evaluations =
        evaluated.stream().filter(line -> line.has("eval_reward")).toList();
    assertThat(evaluations).extracting(line -> line.get("step").intValue()).containsExactly(2, 4);
    assertThat(evaluations)
        .allSatisfy(
            line -> {
              double reward = line.get("eval_reward").doubleValue();
              double parts =
                  line.get("eval_rewards/tag_count/mean").doubleValue()
                      + line.get("eval_rewards/format/mean").doubleValue();
              assertThat(reward).isCloseTo(parts, org.assertj.core.data.Offset.offset(1e-6));
              assertThat(line.get("eval_completions/max_length").doubleValue())
                  .isBetween(1.0, 24.0);
              assertThat(line.get("eval_loss").doubleValue()).isFinite();
              assertThat(line.get("eval_kl").doubleValue()).isPositive();
            });
    assertThat(rewards(evaluated)).hasSize(4).isEqualTo(rewards(plain));
    assertThat(folder.resolve("evaluated/model.safetensors"))
        .hasSameBinaryContentAs(folder.resolve("plain/model.safetensors"));
  }

  private static List<Double> rewards(List<JsonNode> lines) {
    return lines.stream()
        .filter(line -> line.has("reward"))
        .map(line -> line.get("reward").doubleValue())
        .toList();
  }

  @Test
  void evaluation_without_held_out_data_is_refused_with_what_to_set() {
    CapturedRun run =
        CapturedRun.of(
            "sft",
            "--config",
            TinyStudent.write(folder.resolve("sft.yaml"), "eval_strategy: steps\nmax_steps: 1\n")
                .toString(),
            "--model",
            folder.resolve("base").toString(),
            "--data",
            folder.resolve("solutions.jsonl").toString(),
            "--out",
            folder.resolve("refused").toString());
    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.error()).contains("rlkd.eval_dataset_files", "dataset_test_split");
    assertThat(folder.resolve("refused")).doesNotExist();
  }
}
