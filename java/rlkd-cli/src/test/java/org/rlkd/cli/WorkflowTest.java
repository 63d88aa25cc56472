package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands one after another, as a user runs them, on a model of thirty thousand weights. */
class WorkflowTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  private CapturedRun rlkd(String... arguments) {
    CapturedRun run = CapturedRun.of(arguments);
    assertThat(run.exitCode()).as(run.err()).isZero();
    return run;
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private List<JsonNode> lines(String name) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve(name))) {
      lines.add(JSON.readTree(line));
    }
    return lines;
  }

  @Test
  void a_student_is_tuned_scored_trained_stopped_resumed_and_evaluated() throws IOException {
    TinyStudent.write(folder.resolve("base"));
    TinyStudent.write(folder.resolve("sums.jsonl"), TinyStudent.problems(8));
    TinyStudent.write(folder.resolve("solutions.jsonl"), TinyStudent.solutions(8));
    sft();
    generate();
    score();
    train();
    resume();
    evaluate();
    resumeAnEvaluation();
  }

  private void sft() throws IOException {
    TinyStudent.write(
        folder.resolve("sft.yaml"),
        """
        max_steps: 120
        per_device_train_batch_size: 8
        learning_rate: 0.01
        lr_scheduler_type: constant
        logging_steps: 10
        save_strategy: "no"
        """);
    rlkd(
        "sft",
        "--config",
        path("sft.yaml"),
        "--model",
        path("base"),
        "--data",
        path("solutions.jsonl"),
        "--out",
        path("tuned"));
    List<JsonNode> metrics = lines("tuned/metrics.jsonl");
    assertThat(metrics).hasSize(12);
    assertThat(metrics.get(11).get("loss").doubleValue())
        .isLessThan(metrics.get(0).get("loss").doubleValue() / 10);
    assertThat(folder.resolve("tuned/model.safetensors")).exists();
  }

  /** Eight sums are learned by heart, so the greedy answer is known. */
  private void generate() throws IOException {
    CapturedRun run =
        rlkd(
            "generate",
            "--model",
            path("tuned"),
            "--prompt",
            "what is 3 plus 0",
            "--temperature",
            "0",
            "--max-tokens",
            "40");
    assertThat(run.out())
        .containsSubsequence("<think>", "[sub-think 1]:", "makes 3", "</think>", "<answer>", "3");
    rlkd(
        "generate",
        "--model",
        path("tuned"),
        "--input",
        path("sums.jsonl"),
        "--samples",
        "2",
        "--max-tokens",
        "40",
        "--out",
        path("generated.jsonl"));
    assertThat(lines("generated.jsonl"))
        .hasSize(8)
        .allSatisfy(line -> assertThat(line.get("completions")).hasSize(2));
    assertThat(lines("generated.jsonl").get(5).get("id").textValue()).isEqualTo("sum-5");
  }

  /** The log-probs of a scored text are those that its sampler reported. */
  private void score() throws IOException {
    JsonNode generated = lines("generated.jsonl").get(2).get("completions").get(0);
    List<Integer> tokens = new ArrayList<>();
    CapturedRun prompt =
        CapturedRun.of(
            "score", "--model", path("tuned"), "--input", write("text", "what is 2 plus 0"));
    JSON.readTree(prompt.out()).get("tokens").forEach(token -> tokens.add(token.intValue()));
    int promptLength = tokens.size();
    generated.get("tokens").forEach(token -> tokens.add(token.intValue()));
    CapturedRun run = rlkd("score", "--model", path("tuned"), "--input", write("tokens", tokens));
    JsonNode logprobs = JSON.readTree(run.out()).get("logprob");
    for (int t = 0; t < generated.get("logprobs").size(); t++) {
      assertThat(logprobs.get(promptLength - 1 + t).doubleValue())
          .isCloseTo(generated.get("logprobs").get(t).doubleValue(), within(1e-4));
    }
    assertThat(generated.get("logprobs").size()).isPositive();
  }

  private String write(String field, Object value) throws IOException {
    String row = JSON.writeValueAsString(Map.of(field, value));
    return TinyStudent.write(folder.resolve("row.jsonl"), row + "\n").toString();
  }

  private void train() throws IOException {
    TinyStudent.write(
        folder.resolve("grpo.yaml"),
        """
        dataset_name: sums.jsonl # beside this file
        max_steps: 2
        num_generations: 4
        per_device_train_batch_size: 8
        max_completion_length: 40
        learning_rate: 0.001
        lr_scheduler_type: constant
        reward_funcs: [accuracy, format, tag_count, structure]
        reward_weights: [15, 10, 10, 15]
        logging_steps: 1
        save_steps: 1
        log_completions: true
        """);
    CapturedRun run =
        rlkd(
            "train",
            "--config",
            path("grpo.yaml"),
            "--model",
            path("tuned"),
            "--out",
            path("trained"));
    assertThat(run.out().strip()).isEqualTo(path("trained"));
    assertThat(lines("trained/metrics.jsonl")).hasSize(2);
    assertThat(lines("trained/completions.jsonl")).hasSize(16);
    // What SFT taught is rewarded: teacher and student steps are read from the same tags.
    assertThat(lines("trained/metrics.jsonl").get(0).get("rewards/structure/mean").doubleValue())
        .isGreaterThan(0.5);
    assertThat(folder.resolve("trained/checkpoint-2")).isDirectory();
    assertThat(folder.resolve("trained/report.html")).isNotEmptyFile();
  }

  private void resume() throws IOException {
    rlkd(
        "train",
        "--config",
        path("grpo.yaml"),
        "--model",
        path("tuned"),
        "--out",
        path("trained"),
        "--resume",
        "--set",
        "max_steps=4");
    assertThat(lines("trained/metrics.jsonl"))
        .extracting(line -> line.get("step").intValue())
        .containsExactly(1, 2, 3, 4);
    assertThat(folder.resolve("trained/checkpoint-4")).isDirectory();
  }

  private void evaluate() throws IOException {
    CapturedRun run =
        rlkd(
            "eval",
            "--model",
            path("trained"),
            "--data",
            path("sums.jsonl"),
            "--samples",
            "3",
            "--max-tokens",
            "40",
            "--limit",
            "5",
            "--out",
            path("evaluated"));
    assertThat(run.out()).contains("accuracy avg@3", "pass@1", "pass@2", "pass@3", "format");
    JsonNode summary = JSON.readTree(Files.readString(folder.resolve("evaluated/summary.json")));
    List<JsonNode> completions = lines("evaluated/completions.jsonl");
    assertThat(completions).hasSize(15);
    double correct =
        completions.stream()
            .filter(line -> line.get("rewards").get("accuracy").doubleValue() == 1)
            .count();
    assertThat(summary.get("accuracy").doubleValue()).isEqualTo(correct / 15);
    assertThat(summary.get("pass_at").get("1").doubleValue())
        .isCloseTo(correct / 15, within(1e-12));
  }

  /**
   * 600 completions a seed in parts of 510 and 90: an evaluation that was killed goes on at a
   * part's end.
   */
  private void resumeAnEvaluation() throws IOException {
    String[] arguments = {
      "eval",
      "--model",
      path("tuned"),
      "--data",
      path("many.jsonl"),
      "--samples",
      "3",
      "--seeds",
      "2",
      "--max-tokens",
      "12",
      "--out",
      path("whole")
    };
    StringBuilder many = new StringBuilder();
    for (int i = 0; i < 200; i++) {
      many.append(
          "{\"problem\": \"what is %d plus 0\", \"answer\": \"%d\", \"level\": %d}\n"
              .formatted(i % 8, i % 8, i % 3));
    }
    TinyStudent.write(folder.resolve("many.jsonl"), many.toString());
    CapturedRun run = rlkd(arguments);
    assertThat(run.out()).contains("2 seeds", "level");
    JsonNode summary = JSON.readTree(Files.readString(folder.resolve("whole/summary.json")));
    assertThat(summary.get("seeds").toString()).isEqualTo("[0,1]");
    assertThat(summary.get("by_level").get("2").get("problems").intValue()).isEqualTo(66);
    assertThat(summary.get("intervals").get("accuracy").get(0).doubleValue())
        .isLessThanOrEqualTo(summary.get("accuracy").doubleValue());

    Path killed = Files.createDirectory(folder.resolve("killed"));
    Files.copy(folder.resolve("whole/evaluation.json"), killed.resolve("evaluation.json"));
    byte[] completions = Files.readAllBytes(folder.resolve("whole/completions.jsonl"));
    Files.write(
        killed.resolve("completions.jsonl"),
        Arrays.copyOf(completions, (int) (completions.length * 0.6)));
    arguments[arguments.length - 1] = path("killed");
    rlkd(arguments);
    for (String file : List.of("completions.jsonl", "summary.json")) {
      assertThat(killed.resolve(file)).hasSameBinaryContentAs(folder.resolve("whole/" + file));
    }

    arguments[6] = "4"; // samples
    CapturedRun refused = CapturedRun.of(arguments);
    assertThat(refused.exitCode()).isEqualTo(1);
    assertThat(refused.error()).contains("other settings");
  }
}
