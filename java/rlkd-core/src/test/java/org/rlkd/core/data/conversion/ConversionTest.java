package org.rlkd.core.data.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rlkd.core.InputException;
import org.rlkd.core.data.Row;
import org.rlkd.core.data.RowSource;

@Timeout(120)
class ConversionTest {
  private static final int ROWS = 400;

  @TempDir private Path directory;
  private Path input;
  private final List<String> reports = new ArrayList<>();

  /**
   * Even numbers to the first output, odd ones to the second; 13 is bad, multiples of 50 are not
   * wanted.
   */
  record Numbers(String settings, long sleepMillis) implements RowConverter {
    @Override
    public Map<String, String> columns() {
      Map<String, String> columns = new LinkedHashMap<>();
      columns.put("number", "BIGINT");
      columns.put("words", "VARCHAR[]");
      return columns;
    }

    @Override
    public List<Converted> convert(List<Row> rows) {
      try {
        Thread.sleep(sleepMillis);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return rows.stream().map(Numbers::convert).toList();
    }

    private static Converted convert(Row row) {
      int number = row.fields().get("number").intValue();
      if (number == 13) {
        return new Converted.Bad("found 13");
      }
      if (number % 50 == 0) {
        return new Converted.Skipped("round");
      }
      ObjectNode out = row.fields().deepCopy();
      out.putArray("words").add("w" + number).add("2024-01-0" + (1 + number % 9));
      return new Converted.Rows(number % 2, List.of(out));
    }
  }

  @BeforeEach
  void writeInput() throws IOException {
    input = directory.resolve("in.jsonl");
    Files.writeString(
        input,
        IntStream.range(0, ROWS)
            .mapToObj("{\"number\": %d}\n"::formatted)
            .collect(Collectors.joining()));
  }

  private Conversion conversion(String name, String kind, RowConverter converter, long maxBad) {
    return conversion(input, name, kind, converter, maxBad);
  }

  private Conversion conversion(
      Path from, String name, String kind, RowConverter converter, long maxBad) {
    return new Conversion(
        List.of(from), outputs(directory, name, kind), converter, 7, maxBad, new Reports(reports));
  }

  static List<Path> outputs(Path directory, String name, String kind) {
    return List.of(
        directory.resolve(name + "-even" + kind), directory.resolve(name + "-odd" + kind));
  }

  record Reports(List<String> lines) implements ConversionListener {
    @Override
    public void progress(double share, long rows, long bad) {
      assertThat(share).isBetween(0.0, 1.0);
    }

    @Override
    public void bad(String message) {
      lines.add(message);
    }
  }

  private static List<String> rows(Path file) {
    List<String> rows = new ArrayList<>();
    try (RowSource source = RowSource.open(file)) {
      while (source.hasNext()) {
        rows.add(source.next().fields().toString());
      }
    }
    return rows;
  }

  @ParameterizedTest
  @ValueSource(strings = {".jsonl", ".jsonl.gz", ".parquet"})
  void every_kind_of_output_holds_the_same_rows_in_order(String kind) {
    Map<String, Long> counts = conversion("x", kind, new Numbers("a", 0), 1).run();
    assertThat(counts).isEqualTo(Map.of("written", 391L, "bad", 1L, "round", 8L));
    assertThat(reports).containsExactly("found 13");
    List<String> odd = rows(outputs(directory, "x", kind).get(1));
    assertThat(odd)
        .hasSize(199)
        .startsWith("{\"number\":1,\"words\":[\"w1\",\"2024-01-02\"]}")
        .endsWith("{\"number\":399,\"words\":[\"w399\",\"2024-01-04\"]}");
    assertThat(directory)
        .isDirectoryNotContaining(file -> file.getFileName().toString().startsWith("."));
  }

  @Test
  void a_conversion_killed_twice_ends_with_the_files_of_one_that_was_not() throws Exception {
    for (int kill = 0; kill < 2; kill++) {
      Process process =
          new ProcessBuilder(
                  System.getProperty("java.home") + "/bin/java",
                  "-cp",
                  System.getProperty("java.class.path"),
                  SlowConversion.class.getName(),
                  directory.toString())
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("fork-" + kill + ".log").toFile())
              .start();
      long before = kill == 0 ? 0 : state().rows();
      while (process.isAlive() && (!Files.exists(stateFile()) || state().rows() <= before)) {
        Thread.sleep(20);
      }
      assertThat(process.isAlive()).as("killed on the way").isTrue();
      process.destroyForcibly().waitFor();
    }
    assertThat(state().rows()).isBetween(1L, (long) ROWS - 1);
    assertThat(outputs(directory, "killed", ".jsonl").get(0)).doesNotExist();

    Map<String, Long> resumed = conversion("killed", ".jsonl", new Numbers("a", 0), 1).run();
    Map<String, Long> whole = conversion("whole", ".jsonl", new Numbers("a", 0), 1).run();
    assertThat(resumed).isEqualTo(whole);
    for (int i = 0; i < 2; i++) {
      assertThat(outputs(directory, "killed", ".jsonl").get(i))
          .hasSameBinaryContentAs(outputs(directory, "whole", ".jsonl").get(i));
    }
  }

  private Path stateFile() {
    return Conversion.stateFile(outputs(directory, "killed", ".jsonl").get(0));
  }

  private ConversionState state() {
    return ConversionState.read(stateFile());
  }

  /** A process to be killed. */
  static final class SlowConversion {
    private SlowConversion() {}

    public static void main(String[] arguments) {
      Path directory = Path.of(arguments[0]);
      new Conversion(
              List.of(directory.resolve("in.jsonl")),
              outputs(directory, "killed", ".jsonl"),
              new Numbers("a", 120),
              7,
              1,
              new Reports(new ArrayList<>()))
          .run();
    }
  }

  @Test
  void lines_that_are_not_json_are_reported_with_their_place_and_left_out() throws IOException {
    Path broken = directory.resolve("broken.jsonl");
    Files.writeString(broken, "{\"number\": 2}\n{\"number\": \n[1]\n\n{\"number\": 4}\n");
    conversion(broken, "b", ".jsonl", new Numbers("a", 0), 2).run();
    assertThat(rows(outputs(directory, "b", ".jsonl").get(0))).hasSize(2);
    assertThat(reports).hasSize(2);
    assertThat(reports.get(0)).contains("broken.jsonl, line 2");
    assertThat(reports.get(1)).contains("broken.jsonl, line 3");
  }

  @Test
  void more_bad_rows_than_the_limit_end_it() {
    assertThatThrownBy(() -> conversion("c", ".jsonl", new Numbers("a", 0), 0).run())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("1 bad rows, more than the limit of 0")
        .hasMessageContaining("found 13");
    assertThat(outputs(directory, "c", ".jsonl").get(0)).doesNotExist();
  }

  @Test
  void a_file_that_ends_in_the_middle_of_its_gzip_is_an_error_and_not_a_bad_row()
      throws IOException {
    conversion("whole", ".jsonl.gz", new Numbers("a", 0), 1).run();
    byte[] gzip = Files.readAllBytes(outputs(directory, "whole", ".jsonl.gz").get(0));
    Path cut = directory.resolve("cut.jsonl.gz");
    Files.write(cut, Arrays.copyOf(gzip, gzip.length / 2));
    assertThatThrownBy(() -> conversion(cut, "d", ".jsonl", new Numbers("a", 0), 1000).run())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cut.jsonl.gz");
  }

  @Test
  void an_output_that_is_there_and_a_conversion_of_other_settings_are_refused() throws IOException {
    conversion("e", ".jsonl", new Numbers("a", 0), 1).run();
    assertThatThrownBy(() -> conversion("e", ".jsonl", new Numbers("a", 0), 1).run())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("e-even.jsonl is there already");
    Path state = Conversion.stateFile(outputs(directory, "f", ".jsonl").get(0));
    new ConversionState("other", 0, 3, List.of(0L, 0L), Map.of()).write(state);
    assertThatThrownBy(() -> conversion("f", ".jsonl", new Numbers("b", 0), 1).run())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("other input files or settings");
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files.filter(file -> file.toString().contains("f-even.jsonl")).count()).isOne();
    }
  }
}
