package org.rlkd.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rlkd.core.InputException;

/** Line output: a file, or standard output. */
final class LineOutput implements AutoCloseable {
  private final String name;
  private final Writer writer;

  private LineOutput(String name, Writer writer) {
    this.name = name;
    this.writer = writer;
  }

  /**
   * Opens the output.
   *
   * @param file replaced if it exists; null = standard output
   */
  static LineOutput to(Path file) {
    try {
      return file == null
          ? new LineOutput(
              "standard output", new OutputStreamWriter(System.out, StandardCharsets.UTF_8))
          : new LineOutput(file.toString(), Files.newBufferedWriter(file));
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be written: %s. Choose another file with --out.".formatted(file, e), e);
    }
  }

  /** Writes one line and passes it on at once, so that a reader of a pipe sees it. */
  void write(JsonNode row) {
    writeText(row.toString());
  }

  /** Writes plain text and a line end. */
  void writeText(String text) {
    try {
      writer.write(text);
      writer.write('\n');
      writer.flush();
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(name, e), e);
    }
  }

  @Override
  public void close() {
    try {
      writer.close();
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(name, e), e);
    }
  }
}
