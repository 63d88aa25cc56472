package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.chat.ChatTemplate;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.core.config.KeyTable;
import org.rlkd.core.config.SftConfig;
import org.rlkd.core.config.Standing;

/**
 * The recipes under {@code examples/recipes} as they are, but for model, data, length of the run.
 */
class RecipesTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path RECIPES =
      Path.of(System.getProperty("rlkd.root", "../.."), "examples", "recipes");

  @TempDir private Path folder;

  static Stream<Path> recipes() throws IOException {
    List<Path> files;
    try (Stream<Path> list = Files.list(RECIPES)) {
      files = list.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
    }
    assertThat(files).hasSizeGreaterThanOrEqualTo(3);
    return files.stream();
  }

  private static boolean isSft(Path recipe) {
    return recipe.getFileName().toString().contains("sft");
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void every_key_acts_or_is_named_once_as_not_applicable(Path recipe) throws IOException {
    KeyTable table = isSft(recipe) ? SftConfig.keys() : GrpoConfig.keys();
    List<String> named =
        isSft(recipe)
            ? SftConfig.load(Optional.of(recipe), List.of()).notApplicable()
            : GrpoConfig.load(Optional.of(recipe), List.of()).notApplicable();
    int keys = 0;
    for (String line : Files.readAllLines(recipe)) {
      if (line.matches("[a-z].*")) {
        String key = line.substring(0, line.indexOf(':'));
        Standing standing = table.standings().get(key);
        assertThat(standing).as(key).isNotNull();
        long times = named.stream().filter(said -> keysOf(said).contains(key)).count();
        assertThat(times).as(key).isEqualTo(standing instanceof Standing.NotApplicable ? 1 : 0);
        keys++;
      }
    }
    assertThat(keys).isGreaterThan(25);
  }

  private static List<String> keysOf(String notApplicable) {
    return List.of(notApplicable.substring(0, notApplicable.indexOf(": ")).split(", "));
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void a_recipe_trains_two_steps(Path recipe) throws IOException {
    TinyStudent.write(folder.resolve("base"), 8192);
    Path data = Files.createDirectory(folder.resolve("data"));
    for (String split : List.of("train", "test")) {
      TinyStudent.write(
          data.resolve(split + ".jsonl"),
          isSft(recipe) ? TinyStudent.solutions(8) : TinyStudent.problems(8));
    }
    CapturedRun run =
        CapturedRun.of(
            isSft(recipe) ? "sft" : "train",
            "--config",
            recipe.toString(),
            "--set",
            "model_name_or_path=" + folder.resolve("base"),
            "--set",
            "dataset_name=" + data,
            "--set",
            "output_dir=" + folder.resolve("out"),
            "--set",
            "max_steps=2");
    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.err()).containsOnlyOnce("torch_dtype");
    assertThat(folder.resolve("out/model.safetensors"))
        .exists()
        .satisfies(
            trained ->
                assertThat(Files.mismatch(trained, folder.resolve("base/model.safetensors")))
                    .isNotNegative());
    List<Double> rates = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("out/metrics.jsonl"))) {
      JsonNode metrics = JSON.readTree(line);
      if (metrics.has("learning_rate")) {
        rates.add(metrics.get("learning_rate").doubleValue());
        assertThat(metrics.get("loss").isNumber()).as(line).isTrue();
        if (!isSft(recipe)) {
          assertThat(metrics.has("rewards/structure/mean")).as(line).isTrue();
        }
      }
    }
    assertThat(rates).isNotEmpty();
  }

  @Test
  void the_template_leaves_the_reasoning_of_a_turn_and_opens_none() throws IOException {
    GrpoConfig config = GrpoConfig.load(Optional.of(RECIPES.resolve("rlkd-zero.yaml")), List.of());
    ChatTemplate template = ChatTemplate.parse(config.chat().template().orElseThrow());
    List<ChatMessage> messages =
        List.of(
            new ChatMessage("system", "Be brief."),
            new ChatMessage("user", "1+1?"),
            new ChatMessage("assistant", "<think>\nadd\n</think>\n2"),
            new ChatMessage("user", "2+2?"));
    assertThat(template.render(messages, true, Map.of("bos_token", "<s>")))
        .isEqualTo(
            "<s>Be brief.<｜User｜>1+1?<｜Assistant｜><think>\nadd\n</think>\n2<｜end▁of▁sentence｜>"
                + "<｜User｜>2+2?<｜Assistant｜>");
    assertThat(config.chat().systemPrompt().orElseThrow()).endsWith("in \\boxed{}");
  }
}
