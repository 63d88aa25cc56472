package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RewardCommandTest {
  @TempDir private Path directory;

  private List<JsonNode> score(String rows, String... options) throws IOException {
    Path input = Files.writeString(directory.resolve("rows.jsonl"), rows);
    Path out = directory.resolve("out.jsonl");
    List<String> arguments =
        new ArrayList<>(List.of("reward", "--input", input.toString(), "--out", out.toString()));
    arguments.addAll(List.of(options));
    CapturedRun run = CapturedRun.of(arguments.toArray(String[]::new));
    assertThat(run.error()).isEmpty();
    assertThat(run.exitCode()).isZero();
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(out)) {
      lines.add(new ObjectMapper().readTree(line));
    }
    return lines;
  }

  @Test
  void one_line_comes_out_for_each_row_and_null_is_unscorable() throws IOException {
    assertThat(
            score(
                """
                {"completion": "so \\\\boxed{4}", "answer": "4"}
                {"response": "The answer is 5.", "solution": "4"}
                {"completion": [{"role": "assistant", "content": "4"}]}
                """,
                "--function", "accuracy"))
        .extracting(line -> line.get("reward").toString())
        .containsExactly("1.0", "0.0", "null");
  }

  @Test
  void compatibility_decides_between_two_readings_of_a_nested_format() throws IOException {
    String nested =
        "{\"completion\": \"<think>\\na\\n</think>\\n<answer>\\n4\\n</answer>\\nand more\"}\n";
    assertThat(score(nested, "--function", "format").get(0).get("reward").doubleValue()).isZero();
    assertThat(
            score(nested, "--function", "format", "--set", "compatibility=open-r1")
                .get(0)
                .get("reward")
                .doubleValue())
        .isOne();
  }

  @Test
  void structure_compares_with_the_rows_teacher() throws IOException {
    String step = "[sub-think 1]: add [Query 1]: what is 2 plus 2? [Answer 1]: 4";
    String row = "{\"completion\": \"<think>%s</think>\", \"teacher\": \"%s\"}\n";
    List<JsonNode> lines =
        score(
            row.formatted(step, step) + "{\"completion\": \"x\"}\n",
            "--function",
            "structure",
            "--set",
            "rlkd.gsrm.normalize=teacher");
    assertThat(lines.get(0).get("reward").doubleValue()).isEqualTo(1);
    assertThat(lines.get(1).get("reward").isNull()).isTrue();
    assertThat(lines.get(1).get("unscorable").asText()).contains("teacher");
  }

  @Test
  void weighted_adds_the_functions_of_the_settings_up() throws IOException {
    assertThat(
            score(
                    "{\"completion\": \"<think>x</think><answer>4</answer>\", \"answer\": \"4\"}\n",
                    "--function",
                    "weighted",
                    "--set",
                    "reward_funcs=[accuracy, format, tag_count]",
                    "--set",
                    "reward_weights=[15, 10, 10]")
                .get(0)
                .get("reward")
                .doubleValue())
        .isEqualTo(35);
  }

  @Test
  void a_bad_row_is_named_with_its_line_and_nothing_is_written() throws IOException {
    Path input =
        Files.writeString(
            directory.resolve("bad.jsonl"), "{\"completion\": \"4\"}\n{\"text\": \"4\"}\n");
    Path out = directory.resolve("none.jsonl");
    CapturedRun run =
        CapturedRun.of(
            "reward", "--function", "format", "--input", input.toString(), "--out", out.toString());
    assertThat(run.exitCode()).isEqualTo(1);
    assertThat(run.error()).contains("bad.jsonl, row 2", "completion or response", "text");
    assertThat(out).doesNotExist();
  }

  @Test
  void an_unknown_function_is_a_usage_error_with_the_nearest_name() throws IOException {
    Path input = Files.writeString(directory.resolve("one.jsonl"), "{\"completion\": \"4\"}\n");
    CapturedRun run =
        CapturedRun.of("reward", "--function", "acuracy", "--input", input.toString());
    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.error()).contains("acuracy", "accuracy");
  }
}
