package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.data.Problem;
import org.rlkd.core.data.ProblemColumns;
import org.rlkd.core.data.ProblemReader;
import org.rlkd.core.data.RowSource;

class DataCommandTest {
  private static final String STEP = "[sub-think 1]: add [Query 1]: what is the sum? [Answer 1]: 4";

  @TempDir private Path directory;

  private String path(String name) {
    return directory.resolve(name).toString();
  }

  private void writeGenerations() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 60; i++) {
      rows.append(
          "{\"problem\": \"%d plus %d?\", \"answer\": \"%d\", \"generations\": [\"%s</think> \\\\boxed{%d}\", \"wrong\"], \"correctness_math_verify\": [true, false]}\n"
              .formatted(i, i, 2 * i, STEP, 2 * i));
    }
    Files.writeString(directory.resolve("in.jsonl"), rows + "{\"broken\n");
  }

  @Test
  void generations_become_problems_for_training_and_those_conversations_for_a_decomposer()
      throws IOException {
    writeGenerations();
    CapturedRun run =
        CapturedRun.of(
            "data",
            "rlkd",
            "--input",
            path("in.jsonl"),
            "--out",
            path("set"),
            "--format",
            "parquet",
            "--test-share",
            "0.3");
    assertThat(run.exitCode()).isZero();
    assertThat(run.out()).contains("60 rows written", "1 rows bad");
    assertThat(run.err()).contains("in.jsonl, line 61");
    List<Problem> problems = new ArrayList<>();
    for (String name : List.of("set/train.parquet", "set/test.parquet")) {
      problems.addAll(new ProblemReader(ProblemColumns.DEFAULT).readAll(directory.resolve(name)));
    }
    assertThat(problems)
        .hasSize(60)
        .allSatisfy(problem -> assertThat(problem.teacherPaths().get(0).text()).isEqualTo(STEP));

    CapturedRun gsrm =
        CapturedRun.of(
            "data",
            "gsrm",
            "--input",
            path("set/train.parquet"),
            path("set/test.parquet"),
            "--out",
            path("gsrm.jsonl.gz"));
    assertThat(gsrm.exitCode()).as(gsrm.err()).isZero();
    int rows = 0;
    try (RowSource source = RowSource.open(directory.resolve("gsrm.jsonl.gz"))) {
      while (source.hasNext()) {
        assertThat(source.next().fields().get("messages")).hasSize(3);
        rows++;
      }
    }
    assertThat(rows).isEqualTo(60);
  }

  @Test
  void bad_rows_beyond_the_limit_and_wrong_options_are_refused() throws IOException {
    writeGenerations();
    CapturedRun bad =
        CapturedRun.of(
            "data", "rlkd", "--input", path("in.jsonl"), "--out", path("set"), "--max-bad", "0");
    assertThat(bad.exitCode()).isEqualTo(1);
    assertThat(bad.error()).contains("line 61", "limit of 0");
    CapturedRun format =
        CapturedRun.of(
            "data", "rlkd", "--input", path("in.jsonl"), "--out", path("x"), "--format", "csv");
    assertThat(format.exitCode()).isEqualTo(2);
    assertThat(format.error()).contains("csv", "parquet");
    assertThat(CapturedRun.of("data").exitCode()).isEqualTo(2);
  }
}
