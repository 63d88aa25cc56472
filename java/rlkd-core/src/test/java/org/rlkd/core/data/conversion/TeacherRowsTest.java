package org.rlkd.core.data.conversion;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rlkd.core.data.Row;

class TeacherRowsTest {
  private static final TeacherRows ALL_TRAIN = new TeacherRows(2, new ProblemSplit(0, 0));

  private static Converted convert(TeacherRows rows, String json) throws IOException {
    ObjectNode fields = (ObjectNode) new ObjectMapper().readTree(json);
    return rows.convert(List.of(new Row(Path.of("data.jsonl"), 7, fields))).get(0);
  }

  @Test
  void teacher_paths_are_the_reasoning_of_right_generations_however_their_tags_stand()
      throws IOException {
    Converted converted =
        convert(
            new TeacherRows(9, new ProblemSplit(0, 0)),
            """
            {"problem": "2+2?", "answer": 4.0, "uuid": "u", "problem_type": "Algebra", "level": 2,
             "generations": ["a</think>\\\\boxed{4}", "<think>\\nb\\n</think> 4", "wrong</think> 5", "cut off", "a</think> 4", " </think> 4"],
             "correctness_math_verify": [true, true, false, true, true, true]}
            """);
    assertThat(converted)
        .isEqualTo(
            new Converted.Rows(
                0,
                List.of(
                    (ObjectNode)
                        new ObjectMapper()
                            .readTree(
                                """
                                {"id": "u", "problem": "2+2?", "answer": "4", "teacher_paths": ["a", "b", "cut off"], "level": "2", "subject": "Algebra"}
                                """))));
  }

  @Test
  void generations_without_verdicts_are_judged_by_their_answers() throws IOException {
    Converted.Rows rows =
        (Converted.Rows)
            convert(
                ALL_TRAIN,
                """
                {"problem": "2+2?", "answer": "4", "generations": ["x</think> \\\\boxed{5}", "y</think> \\\\boxed{4}"]}
                """);
    assertThat(rows.rows().get(0).get("teacher_paths").toString()).isEqualTo("[\"y\"]");
  }

  @Test
  void no_more_paths_are_kept_than_asked_for_and_none_is_a_skip() throws IOException {
    String row =
        "{\"problem\": \"p\", \"answer\": \"4\", \"generations\": [\"a\", \"b\", \"c\"], \"correctness_math_verify\": %s}";
    Converted.Rows rows = (Converted.Rows) convert(ALL_TRAIN, row.formatted("[true, true, true]"));
    assertThat(rows.rows().get(0).get("teacher_paths")).hasSize(2);
    assertThat(convert(ALL_TRAIN, row.formatted("[false, null, false]")))
        .isEqualTo(new Converted.Skipped(TeacherRows.NO_PATH));
  }

  @Test
  void rows_that_are_no_problems_are_bad_and_say_where_and_why() throws IOException {
    for (String row :
        List.of(
            "{\"answer\": \"4\"}",
            "{\"problem\": \"p\", \"generations\": [\"a\"]}",
            "{\"problem\": \"p\", \"answer\": \"4\", \"generations\": [\"a\"], \"correctness_math_verify\": []}",
            "{\"problem\": \"p\", \"answer\": \"4\", \"generations\": [7], \"correctness_math_verify\": [true]}")) {
      assertThat(convert(ALL_TRAIN, row))
          .isInstanceOfSatisfying(
              Converted.Bad.class,
              bad -> assertThat(bad.reason()).contains("data.jsonl, row 7", "expected"));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Find $x$ if $2x = 4$.|find  x if 2x=4",
        "Compute $\\dfrac{1}{2}$|Compute \\(\\frac{1}{2}\\).",
        "Let $\\left( a, b \\right)$ be|let $(a,b)$ be",
        "ﬁnd the area|find the area"
      })
  void a_problem_goes_the_same_way_however_it_is_typeset(String one, String other) {
    assertThat(ProblemSplit.normalized(one)).isEqualTo(ProblemSplit.normalized(other));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"Find 2 + 3|Find 2 - 3", "Is x > 3?|Is x < 3?", "Compute 12|Compute 21"})
  void problems_that_differ_in_a_number_or_a_sign_are_different(String one, String other) {
    assertThat(ProblemSplit.normalized(one)).isNotEqualTo(ProblemSplit.normalized(other));
  }

  @Test
  void the_share_is_kept_and_another_seed_splits_otherwise() {
    List<String> problems =
        IntStream.range(0, 20_000).mapToObj("What is %d plus 1?"::formatted).toList();
    ProblemSplit split = new ProblemSplit(0.1, 0);
    long test = problems.stream().filter(split::isTest).count();
    assertThat(test).isBetween(1850L, 2150L);
    ProblemSplit other = new ProblemSplit(0.1, 1);
    long both = problems.stream().filter(p -> split.isTest(p) && other.isTest(p)).count();
    assertThat(both).isBetween(130L, 280L);
  }
}
