package org.rlkd.core.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.gsrm.Step;

class ProblemReaderTest {
  private final ProblemReader reader = new ProblemReader(ProblemColumns.DEFAULT);
  @TempDir private Path directory;

  private Path file(String name, String text) throws IOException {
    return Files.writeString(directory.resolve(name), text);
  }

  private static Path shared() {
    String configured = System.getenv("RLKD_SHARED");
    return configured == null
        ? Path.of(System.getProperty("rlkd.root", "."), "..", "shared")
        : Path.of(configured);
  }

  @Test
  void aPlainRowBecomesAUserMessageWithTheRowNumberAsId() throws IOException {
    Path file =
        file("a.jsonl", "\n{\"problem\": \"2+2?\", \"answer\": 4.0, \"teacher\": \"two, two\"}\n");
    Problem problem = reader.readAll(file).get(0);
    assertThat(problem.id()).isEqualTo("2");
    assertThat(problem.messages()).containsExactly(new ChatMessage("user", "2+2?"));
    assertThat(problem.answer()).isEqualTo("4");
    assertThat(problem.teacherPaths()).containsExactly(new TeacherPath("two, two", null));
  }

  @Test
  void theSystemPromptIsPutBeforeProblemsThatHaveNone() throws IOException {
    Path file =
        file(
            "a.jsonl",
            """
            {"prompt": [{"role": "user", "content": "q"}], "answer": "1"}
            {"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}], "answer": "1"}
            """);
    List<Problem> problems =
        new ProblemReader(new ProblemColumns("prompt", "be brief", true)).readAll(file);
    assertThat(problems.get(0).messages().get(0)).isEqualTo(new ChatMessage("system", "be brief"));
    assertThat(problems.get(1).messages().get(0)).isEqualTo(new ChatMessage("system", "s"));
    assertThat(problems.get(1).messages()).hasSize(2);
  }

  @Test
  void openR1RowsGiveTheReasoningOfTheGenerationsJudgedCorrect() throws IOException {
    Path file =
        file(
            "a.jsonl",
            "{\"problem\": \"p\", \"answer\": \"1\", \"generations\": [\"<think>\\nright</think>1\", \"wrong\", \"cut off\"],"
                + " \"correctness_math_verify\": [true, false, true]}");
    assertThat(reader.readAll(file).get(0).teacherPaths())
        .extracting(TeacherPath::text)
        .containsExactly("right", "cut off");
  }

  @Test
  void socraticSolutionsBringTheirStructure() throws IOException {
    Path file =
        file(
            "a.jsonl",
            "{\"question\": \"q\", \"answer\": \"How many? ** 16 - 3 = <<16-3=13>>13 eggs.\\nHow much? ** $26.\\n#### 1,026\"}");
    Problem problem = reader.readAll(file).get(0);
    assertThat(problem.answer()).isEqualTo("1026");
    assertThat(problem.teacherPaths().get(0).structureOrNull().steps())
        .containsExactly(
            new Step("How many?", "How many?", "16 - 3 = 13 eggs."),
            new Step("How much?", "How much?", "$26."));
    assertThat(problem.teacherPaths().get(0).text())
        .isEqualTo("How many? 16 - 3 = 13 eggs.\nHow much? $26.");
  }

  @Test
  void gzipIsReadAsTheTextInside() throws IOException {
    Path file = directory.resolve("a.jsonl.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write("{\"problem\": \"é\", \"answer\": \"1\"}".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(reader.readAll(file).get(0).messages().get(0).content()).isEqualTo("é");
  }

  @Test
  void aBrokenLineIsNamedWithFileAndLine() throws IOException {
    Path file = file("a.jsonl", "{\"problem\": \"p\", \"answer\": \"1\"}\n\n{\"problem\": \n");
    assertThatThrownBy(() -> reader.readAll(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a.jsonl, line 3")
        .hasMessageContaining("not JSON");
  }

  @Test
  void aRowWithoutAnswerIsNamedWithTheColumnsItHas() throws IOException {
    Path file = file("a.jsonl", "{\"problem\": \"p\", \"level\": 3}");
    assertThatThrownBy(() -> reader.readAll(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a.jsonl, row 1 has no answer")
        .hasMessageContaining("problem, level");
    ProblemColumns optional = new ProblemColumns(null, null, false);
    assertThat(new ProblemReader(optional).readAll(file).get(0).answer()).isNull();
  }

  @Test
  void anEmptyFileAMissingFileAndAnUnknownKindAreErrors() throws IOException {
    Path empty = file("a.jsonl", "\n");
    assertThatThrownBy(() -> reader.readAll(empty)).hasMessageContaining("is empty");
    assertThatThrownBy(() -> reader.readAll(directory.resolve("b.jsonl")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not exist");
    Path text = file("a.txt", "x");
    assertThatThrownBy(() -> reader.readAll(text)).hasMessageContaining("unknown kind");
    Path parquet = file("a.parquet", "no parquet");
    assertThatThrownBy(() -> reader.readAll(parquet))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("not a readable Parquet file");
  }

  @Test
  void verdictsThatDoNotMatchTheGenerationsAreAnError() throws IOException {
    Path file =
        file(
            "a.jsonl",
            "{\"problem\": \"p\", \"answer\": \"1\", \"generations\": [\"a\"], \"correctness_math_verify\": []}");
    assertThatThrownBy(() -> reader.readAll(file)).hasMessageContaining("1 generations but 0");
  }

  @Test
  void everySocraticGsm8kProblemHasAnAnswerAndNearlyAllAStructure() {
    Path file = shared().resolve("data/gsm8k/socratic-test.parquet");
    assumeTrue(Files.exists(file), "no GSM8K at " + file);
    List<Problem> problems = reader.readAll(file);
    assertThat(problems).hasSize(1319);
    assertThat(problems)
        .allSatisfy(problem -> assertThat(problem.answer()).matches("-?[0-9.]+"))
        .extracting(problem -> Optional.ofNullable(problem.teacherPaths().get(0).structureOrNull()))
        .filteredOn(Optional::isPresent)
        .hasSizeGreaterThan(1300);
  }

  @Test
  void everyRecordedTraceBecomesAProblemWithTheReasoningOfItsCorrectGenerations() {
    for (String name : List.of("amc23-r1-14b.jsonl", "math500-r1-14b.jsonl")) {
      Path file = shared().resolve("data/traces").resolve(name);
      assumeTrue(Files.exists(file), "no traces at " + file);
      List<Problem> problems = reader.readAll(file);
      assertThat(problems).isNotEmpty();
      assertThat(problems)
          .flatExtracting(Problem::teacherPaths)
          .isNotEmpty()
          .allSatisfy(
              path -> assertThat(path.text()).isNotBlank().doesNotContain("</think>", "<think>"));
    }
  }
}
