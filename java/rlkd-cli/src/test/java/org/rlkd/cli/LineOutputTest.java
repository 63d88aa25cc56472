package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;

class LineOutputTest {
  @TempDir private Path directory;

  @Test
  void a_file_appears_when_it_is_complete_and_leaves_nothing_beside_it() throws IOException {
    Path file = directory.resolve("out.jsonl");
    try (LineOutput out = LineOutput.to(file)) {
      out.write(JsonNodeFactory.instance.objectNode().put("text", "é"));
      assertThat(file).doesNotExist();
      out.complete();
    }
    assertThat(Files.readString(file)).isEqualTo("{\"text\":\"é\"}\n");
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void output_that_is_not_completed_leaves_the_earlier_file() throws IOException {
    Path file = Files.writeString(directory.resolve("out.jsonl"), "earlier");
    try (LineOutput out = LineOutput.to(file)) {
      out.writeText("half");
    }
    assertThat(Files.readString(file)).isEqualTo("earlier");
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void standard_output_that_takes_no_more_is_an_error() {
    PrintStream before = System.out;
    OutputStream full =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("no space left");
          }
        };
    System.setOut(new PrintStream(full, true, StandardCharsets.UTF_8));
    try {
      LineOutput out = LineOutput.to(null);
      assertThatThrownBy(() -> out.writeText("lost"))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("standard output cannot be written");
    } finally {
      System.setOut(before);
    }
  }
}
