package org.rlkd.core.data.conversion;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.rlkd.core.data.Row;
import org.rlkd.core.gsrm.Decomposer;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.DecompositionPrompt;
import org.rlkd.core.gsrm.Domain;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.TagDecomposer;

class DecompositionRowsTest {
  private static final String STEP =
      "[sub-think 1]: add them\\n[Query 1]: what is 2 plus 2?\\n[Answer 1]: 4";

  private static List<Converted> convert(Decomposer decomposer, String... rows) throws IOException {
    List<Row> parsed = new ArrayList<>();
    for (String row : rows) {
      ObjectNode fields = (ObjectNode) new ObjectMapper().readTree(row);
      parsed.add(new Row(Path.of("data.jsonl"), parsed.size() + 1, fields));
    }
    return new DecompositionRows(decomposer, DecompositionPrompt.of(Domain.MATH), 2)
        .convert(parsed);
  }

  @Test
  void a_row_becomes_a_conversation_that_asks_as_the_decomposer_is_asked() throws IOException {
    Converted.Rows converted =
        (Converted.Rows)
            convert(
                    new TagDecomposer(),
                    "{\"id\": \"p\", \"problem\": \"2+2?\", \"reasoning\": \"%s\"}".formatted(STEP))
                .get(0);
    JsonNode messages = converted.rows().get(0).get("messages");
    assertThat(messages.findValuesAsText("role")).containsExactly("system", "user", "assistant");
    String tagged = STEP.replace("\\n", "\n");
    assertThat(messages.get(1).get("content").textValue())
        .isEqualTo(
            DecompositionPrompt.of(Domain.MATH)
                .messages(new Reasoning("2+2?", tagged))
                .get(1)
                .content());
    assertThat(messages.get(2).get("content").textValue()).isEqualTo(tagged);
  }

  @Test
  void each_reasoning_of_a_problem_is_a_row_up_to_the_limit() throws IOException {
    String paths =
        "{\"problem\": \"2+2?\", \"teacher_paths\": [\"%1$s\", \"no step\", \"%1$s\"]}"
            .formatted(STEP);
    Converted.Rows converted = (Converted.Rows) convert(new TagDecomposer(), paths).get(0);
    assertThat(converted.rows()).hasSize(1);
  }

  @Test
  void rows_without_reasoning_are_bad_and_those_without_a_step_are_skipped() throws IOException {
    List<Converted> converted =
        convert(
            new TagDecomposer(),
            "{\"problem\": \"2+2?\"}",
            "{\"problem\": \"2+2?\", \"reasoning\": \"it is 4\"}",
            "{\"reasoning\": \"it is 4\"}",
            "{\"problem\": \"2+2?\", \"generations\": [\"a\"], \"correctness_math_verify\": [false]}");
    assertThat(converted.get(0))
        .isInstanceOfSatisfying(
            Converted.Bad.class,
            bad -> assertThat(bad.reason()).contains("data.jsonl, row 1", "no reasoning"));
    assertThat(converted.get(1)).isEqualTo(new Converted.Skipped(DecompositionRows.NO_STEP));
    assertThat(converted.get(2)).isInstanceOf(Converted.Bad.class);
    assertThat(converted.get(3)).isEqualTo(new Converted.Skipped(TeacherRows.NO_PATH));
  }

  @Test
  void a_batch_is_decomposed_in_one_call_and_a_failure_is_a_bad_row_with_its_reason()
      throws IOException {
    List<Integer> calls = new ArrayList<>();
    Decomposer failing =
        new Decomposer() {
          @Override
          public String id() {
            return "failing";
          }

          @Override
          public List<Decomposition> decompose(List<Reasoning> reasonings) {
            calls.add(reasonings.size());
            return reasonings.stream()
                .<Decomposition>map(reasoning -> new Decomposition.Failed("the server is away"))
                .toList();
          }
        };
    String row = "{\"problem\": \"%d+2?\", \"reasoning\": \"it is so\"}";
    List<Converted> converted =
        convert(failing, row.formatted(1), row.formatted(2), row.formatted(1));
    assertThat(calls).containsExactly(2);
    assertThat(converted)
        .allSatisfy(
            one -> assertThat(((Converted.Bad) one).reason()).contains("the server is away"));
  }
}
