package org.rlkd.core.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.rlkd.core.GoldenFolder;

/**
 * Recorded pairs of a reference answer and an answer's text with their author's judgement of
 * equality.
 */
class MathVerifyGoldenTest {
  /**
   * Of the judged pairs; all 574 agree where this was written, math-verify itself reaches 0.904.
   */
  private static final double FLOOR = 0.98;

  @Test
  void agrees_with_the_judgement_of_the_pairs_author() throws IOException {
    int right = 0;
    int mathVerifyRight = 0;
    List<String> wrong = new ArrayList<>();
    for (JsonNode row : rows()) {
      if (!row.has("intended")) {
        continue;
      }
      boolean intended = row.get("intended").asBoolean();
      boolean ours = MathAnswer.solves(row.get("gold").asText(), row.get("answer_text").asText());
      mathVerifyRight += row.get("math_verify").asBoolean() == intended ? 1 : 0;
      if (ours == intended) {
        right++;
      } else {
        wrong.add(
            "%s: gold %s, answer %s, intended %s"
                .formatted(row.get("id"), row.get("gold"), row.get("answer_text"), intended));
      }
    }
    int total = right + wrong.size();
    System.out.printf(
        "math_verify pairs: %d of %d as intended (math-verify %d)%n",
        right, total, mathVerifyRight);
    wrong.forEach(System.out::println);
    assertThat(total).isPositive();
    assertThat((double) right / total).isGreaterThanOrEqualTo(FLOOR);
  }

  /**
   * Verdicts of math-verify as the reference's accuracy reward calls it; 848 of 862 agree where
   * this was written.
   */
  private static final double OPEN_R1_FLOOR = 0.97;

  @Test
  void the_open_r1_verdict_agrees_with_math_verify() throws IOException {
    int same = 0;
    int total = 0;
    for (JsonNode row : rows()) {
      Boolean recorded =
          row.get("math_verify_boxed").isNull() ? null : row.get("math_verify_boxed").asBoolean();
      Optional<Boolean> ours =
          OpenR1Answer.verify(
              row.get("gold").asText(),
              row.get("answer_text").asText(),
              OpenR1Answer.GoldForm.BARE_LATEX);
      total++;
      same += Objects.equals(recorded, ours.orElse(null)) ? 1 : 0;
    }
    System.out.printf("math_verify pairs: %d of %d as math-verify under open-r1%n", same, total);
    assertThat((double) same / total).isGreaterThanOrEqualTo(OPEN_R1_FLOOR);
  }

  @Test
  void the_verdict_is_the_same_with_reference_and_answer_exchanged() throws IOException {
    List<String> asymmetric = new ArrayList<>();
    int compared = 0;
    for (JsonNode row : rows()) {
      String gold = row.get("gold").asText();
      Optional<String> answer = MathAnswer.extract(row.get("answer_text").asText());
      if (answer.isPresent()) {
        compared++;
        if (MathAnswer.equal(gold, answer.get()) != MathAnswer.equal(answer.get(), gold)) {
          asymmetric.add(gold + " | " + answer.get());
        }
      }
    }
    assertThat(compared).isPositive();
    assertThat(asymmetric).isEmpty();
  }

  private static List<JsonNode> rows() throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<JsonNode> rows = new ArrayList<>();
    for (Path file : GoldenFolder.files("math_verify", ".jsonl")) {
      for (String line : Files.readAllLines(file)) {
        rows.add(json.readTree(line));
      }
    }
    assumeTrue(!rows.isEmpty(), "no pairs in golden folder math_verify");
    return rows;
  }
}
