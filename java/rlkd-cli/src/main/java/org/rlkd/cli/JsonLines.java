package org.rlkd.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rlkd.core.InputException;

/** JSONL output: a file, or standard output. */
final class JsonLines implements AutoCloseable {
  private final String name;
  private final Writer writer;

  private JsonLines(String name, Writer writer) {
    this.name = name;
    this.writer = writer;
  }

  /**
   * Opens the output.
   *
   * @param file replaced if it exists; null = standard output
   */
  static JsonLines to(Path file) {
    try {
      return file == null
          ? new JsonLines(
              "standard output", new OutputStreamWriter(System.out, StandardCharsets.UTF_8))
          : new JsonLines(file.toString(), Files.newBufferedWriter(file));
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be written: %s. Choose another file with --out.".formatted(file, e), e);
    }
  }

  /** Writes one line and passes it on at once, so that a reader of a pipe sees it. */
  void write(JsonNode row) {
    try {
      writer.write(row.toString());
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
