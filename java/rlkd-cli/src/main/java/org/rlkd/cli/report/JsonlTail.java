package org.rlkd.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rlkd.core.InputException;

/**
 * A JSONL file that grows: each reading goes on where the last one ended. A last line without its
 * end, which the run is still writing, is left for the next reading.
 */
final class JsonlTail {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_AT_ONCE = 1 << 24;

  /**
   * A line of the file.
   *
   * @param offset of its first byte
   * @param length in bytes, without the line's end
   */
  record Row(JsonNode json, long offset, int length) {}

  private final Path file;
  private long offset;
  private int lines;

  JsonlTail(Path file) {
    this.file = file;
  }

  /** Whether what was read is still there; a resumed run cuts its files back. */
  boolean isIntact() {
    try {
      if (offset == 0) {
        return true;
      }
      if (!Files.exists(file) || Files.size(file) < offset) {
        return false;
      }
      try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "r")) {
        bytes.seek(offset - 1);
        return bytes.read() == '\n';
      }
    } catch (IOException e) {
      throw cannotRead(e);
    }
  }

  /**
   * The lines since the last reading, none where there is no such file.
   *
   * @throws InputException if a line is not JSON; it is named
   */
  List<Row> read() {
    List<Row> rows = new ArrayList<>();
    if (!Files.exists(file)) {
      return rows;
    }
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "r")) {
      while (readSome(bytes, rows)) {}
    } catch (IOException e) {
      throw cannotRead(e);
    }
    return rows;
  }

  private boolean readSome(RandomAccessFile bytes, List<Row> rows) throws IOException {
    byte[] chunk = new byte[(int) Math.min(MOST_AT_ONCE, bytes.length() - offset)];
    bytes.seek(offset);
    bytes.readFully(chunk);
    int start = 0;
    for (int i = 0; i < chunk.length; i++) {
      if (chunk[i] == '\n') {
        lines++;
        add(chunk, start, i, rows);
        start = i + 1;
      }
    }
    offset += start;
    return start > 0 && chunk.length == MOST_AT_ONCE;
  }

  private void add(byte[] chunk, int start, int end, List<Row> rows) throws IOException {
    if (new String(chunk, start, end - start, StandardCharsets.UTF_8).isBlank()) {
      return;
    }
    try {
      rows.add(new Row(JSON.readTree(chunk, start, end - start), offset + start, end - start));
    } catch (JsonProcessingException e) {
      throw new InputException(
          "%s, line %d is not JSON: %s".formatted(file, lines, e.getOriginalMessage()), e);
    }
  }

  /** Reads a line again. */
  JsonNode again(long at, int length) {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "r")) {
      byte[] line = new byte[length];
      bytes.seek(at);
      bytes.readFully(line);
      return JSON.readTree(line);
    } catch (IOException e) {
      throw cannotRead(e);
    }
  }

  private InputException cannotRead(IOException e) {
    return new InputException("%s cannot be read: %s".formatted(file, e), e);
  }
}
