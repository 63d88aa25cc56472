package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The programs of examples/java, compiled with every warning an error, and run. */
class ExamplesTest {
  private static final Path SOURCES = Path.of(System.getProperty("rlkd.root"), "examples", "java");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"TrainWithReward", "Generate"})
  void an_example_has_at_most_sixty_lines(String name) throws IOException {
    assertThat(Files.readAllLines(SOURCES.resolve(name + ".java"))).hasSizeLessThanOrEqualTo(60);
  }

  @Test
  void the_training_example_trains_with_its_own_reward() throws Exception {
    Path model = TinyStudent.write(folder.resolve("model"));
    Path data = TinyStudent.write(folder.resolve("data.jsonl"), TinyStudent.problems(4));
    Path out = folder.resolve("trained");
    String said =
        run(
            "TrainWithReward",
            List.of(
                model.toString(),
                data.toString(),
                out.toString(),
                "max_steps=2",
                "num_generations=4",
                "per_device_train_batch_size=8",
                "max_completion_length=8",
                "learning_rate=0.01",
                "log_completions=true"));
    List<String> lines = said.lines().toList();
    assertThat(lines).contains("trained: " + out);
    assertThat(lines.stream().filter(line -> line.matches("step [12] of 2: reward \\d.*")))
        .hasSize(2);
    assertThat(Files.readAllBytes(out.resolve("model.safetensors")))
        .isNotEqualTo(Files.readAllBytes(model.resolve("model.safetensors")));
    double highest = 0;
    for (String line : Files.readAllLines(out.resolve("completions.jsonl"))) {
      JsonNode completion = new ObjectMapper().readTree(line);
      double expected =
          completion.get("finish_reason").textValue().equals("length")
              ? 0
              : 1 - completion.get("tokens").intValue() / 8.0;
      assertThat(completion.get("rewards").get("brevity").doubleValue()).isEqualTo(expected);
      highest = Math.max(highest, expected);
    }
    assertThat(highest).as("a completion that ended by itself").isPositive();
  }

  @Test
  void the_generation_example_gives_the_same_texts_whatever_else_is_in_the_batch()
      throws Exception {
    Path model = TinyStudent.write(folder.resolve("model"));
    String alone = run("Generate", List.of(model.toString(), "what is 3 plus 4"));
    assertThat(alone.split("what is 3 plus 4 -> ", -1)).hasSize(3);
    assertThat(alone.split(", the first with log p -\\d", -1)).hasSize(3);
    String together =
        run("Generate", List.of(model.toString(), "add 5 plus 2", "what is 3 plus 4"));
    assertThat(together).startsWith("add 5 plus 2 -> ").endsWith(alone);
  }

  private String run(String name, List<String> arguments) throws Exception {
    Path classes = Files.createDirectories(folder.resolve("classes"));
    int status =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "-Xlint:all,-processing,-classfile,-path",
                "-Werror",
                "-proc:none",
                "-d",
                classes.toString(),
                SOURCES.resolve(name + ".java").toString());
    assertThat(status).as("javac of " + name).isZero();
    List<String> program = new ArrayList<>(List.of(name));
    program.addAll(arguments);
    Path output = folder.resolve(name + ".txt");
    ChildRun child =
        ChildRun.start(
            output, classes + File.pathSeparator + System.getProperty("java.class.path"), program);
    assertThat(child.exitCode()).as(child.said()).isZero();
    return child.said();
  }
}
