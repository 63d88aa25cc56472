package org.rlkd.core.reward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.core.GoldenFolder;
import org.rlkd.core.UsageException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;

/** Values of the reference's own reward functions, which {@link Compatibility#OPEN_R1} gives. */
class RewardsGoldenTest {
  /**
   * Double precision on both sides; cos and the order of operations may differ in the last digits.
   */
  private static final double TOLERANCE = 1e-12;

  private static final Map<String, String> NAMES =
      Map.of(
          "accuracy_reward", "accuracy",
          "accuracy_reward_open_math", "accuracy_open_math",
          "format_reward", "format",
          "tag_count_reward", "tag_count",
          "reasoning_steps_reward", "reasoning_steps",
          "len_reward", "length",
          "get_cosine_scaled_reward", "cosine",
          "get_repetition_penalty_reward", "repetition_penalty",
          "get_code_format_reward", "code_format");

  @TestFactory
  List<DynamicTest> rewards_equal_the_recorded_ones() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (Path file : GoldenFolder.files("rewards", ".json")) {
      int number = 0;
      for (JsonNode item : new ObjectMapper().readTree(file.toFile()).get("cases")) {
        tests.add(dynamicTest(file.getFileName() + " " + number++, () -> agrees(item)));
      }
    }
    return tests;
  }

  private static void agrees(JsonNode item) {
    String function = item.get("function").asText();
    JsonNode params = item.get("params");
    if (function.equals("extract_code")) {
      assertThat(
              CodeFence.last(
                  item.get("completions").get(0).asText(), params.get("language").asText()))
          .isEqualTo(item.get("expected").asText());
      return;
    }
    assertThat(NAMES).containsKey(function);
    if (item.has("error")) {
      assertThatThrownBy(() -> reward(function, params)).isInstanceOf(UsageException.class);
      return;
    }
    List<RewardSample> samples = new ArrayList<>();
    for (int i = 0; i < item.get("completions").size(); i++) {
      String gold = item.has("solutions") ? item.get("solutions").get(i).asText() : null;
      Problem problem =
          new Problem("p" + i, List.of(new ChatMessage("user", "?")), gold, List.of());
      samples.add(new RewardSample(problem, item.get("completions").get(i).asText(), 1, false));
    }
    double[] scores = reward(function, params).score(samples);
    JsonNode expected = item.get("expected");
    assertThat(scores).hasSize(expected.size());
    for (int i = 0; i < scores.length; i++) {
      if (expected.get(i).isNull()) {
        assertThat(scores[i]).as("completion %d", i).isNaN();
      } else {
        assertThat(scores[i])
            .as(
                "completion %d: %s, solution %s",
                i, samples.get(i).completion(), samples.get(i).problem().answer())
            .isCloseTo(expected.get(i).asDouble(), within(TOLERANCE));
      }
    }
  }

  private static Reward reward(String function, JsonNode params) {
    RewardOptions defaults = RewardOptions.DEFAULTS;
    RewardOptions options =
        new RewardOptions(
            Compatibility.OPEN_R1,
            false,
            params.has("max_len")
                ? new RewardOptions.Cosine(
                    params.get("min_value_wrong").asDouble(),
                    params.get("max_value_wrong").asDouble(),
                    params.get("min_value_correct").asDouble(),
                    params.get("max_value_correct").asDouble(),
                    params.get("max_len").asInt())
                : defaults.cosine(),
            params.path("ngram_size").asInt(defaults.repetitionNGrams()),
            params.path("max_penalty").asDouble(defaults.repetitionMaxPenalty()),
            params.path("language").asText(defaults.codeLanguage()));
    return Rewards.byName(
        NAMES.get(function),
        options,
        () -> {
          throw new AssertionError("no structure reward here");
        });
  }
}
