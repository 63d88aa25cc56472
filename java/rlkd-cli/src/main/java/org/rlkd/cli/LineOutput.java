package org.rlkd.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.rlkd.core.InputException;

/**
 * Line output: a file, or standard output. A file appears whole: it is written under another name
 * beside its place and renamed by {@link #complete()}; closing without that removes it.
 */
final class LineOutput implements AutoCloseable {
  private final String name;
  private final Writer writer;
  private final Path target;
  private final Path partial;
  private final boolean standardOutput;

  private LineOutput(
      String name, Writer writer, Path target, Path partial, boolean standardOutput) {
    this.standardOutput = standardOutput;
    this.name = name;
    this.writer = writer;
    this.target = target;
    this.partial = partial;
  }

  /**
   * Opens the output.
   *
   * @param file replaced if it exists; null = standard output
   */
  static LineOutput to(Path file) {
    if (file == null) {
      Writer standard = new OutputStreamWriter(System.out, StandardCharsets.UTF_8);
      return new LineOutput("standard output", standard, null, null, true);
    }
    try {
      if (Files.isDirectory(file)) {
        throw new InputException(
            "%s is a directory, expected a file to write. Choose another with --out."
                .formatted(file));
      }
      if (Files.exists(file) && !Files.isRegularFile(file)) { // a pipe or a device
        return new LineOutput(file.toString(), Files.newBufferedWriter(file), null, null, false);
      }
      Path partial = file.resolveSibling("." + file.getFileName() + ".partial");
      return new LineOutput(
          file.toString(), Files.newBufferedWriter(partial), file, partial, false);
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
      // A PrintStream keeps its errors to itself.
      if (standardOutput && System.out.checkError()) {
        throw new IOException("the reader has gone, or the disk is full");
      }
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(name, e), e);
    }
  }

  /** Puts the file in its place; nothing is written after that. */
  void complete() {
    if (target == null) {
      return;
    }
    try {
      writer.close();
      Files.move(partial, target, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(name, e), e);
    }
  }

  @Override
  public void close() {
    try {
      try {
        writer.close();
      } finally { // a full disk also keeps the writer from closing
        if (partial != null) {
          Files.deleteIfExists(partial);
        }
      }
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(name, e), e);
    }
  }
}
