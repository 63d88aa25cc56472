package org.rlkd.core.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.NoSuchElementException;
import java.util.zip.GZIPInputStream;
import org.rlkd.core.InputException;

/** JSONL, plain or gzip: one object a line; empty lines are passed over. */
final class JsonLinesRows implements RowSource {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final Path file;
  private final BufferedReader reader;
  private final CountedInput input;
  private final long length;
  private String line;
  private long number;
  private boolean ended;

  JsonLinesRows(Path file) {
    this.file = file;
    try {
      input = new CountedInput(Files.newInputStream(file));
      length = Files.size(file);
      InputStream in = input;
      boolean gzip = file.getFileName().toString().endsWith(".gz");
      // Strict decoding: a byte that is no UTF-8 is an error, not a replacement character.
      this.reader =
          new BufferedReader(
              new InputStreamReader(
                  gzip ? new GZIPInputStream(in) : in, StandardCharsets.UTF_8.newDecoder()));
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(file, e), e);
    }
  }

  /** Counts the bytes of the file that are read. */
  private static final class CountedInput extends FilterInputStream {
    private long bytes;

    CountedInput(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      int read = super.read();
      bytes += read < 0 ? 0 : 1;
      return read;
    }

    @Override
    public int read(byte[] buffer, int offset, int count) throws IOException {
      int read = super.read(buffer, offset, count);
      bytes += Math.max(0, read);
      return read;
    }
  }

  @Override
  public double share() {
    return length == 0 ? 1 : Math.min(1, input.bytes / (double) length);
  }

  private void advance() {
    try {
      do {
        line = reader.readLine();
        number++;
      } while (line != null && line.isBlank());
    } catch (IOException e) {
      throw new InputException("%s cannot be read after line %d: %s".formatted(file, number, e), e);
    }
  }

  @Override
  public boolean hasNext() {
    if (line == null && !ended) {
      advance();
      ended = line == null;
    }
    return line != null;
  }

  @Override
  public Row next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    String text = line;
    line = null;
    try {
      if (!(JSON.readTree(text) instanceof ObjectNode fields)) {
        throw new InputException(
            "%s, line %d: found %s, expected a JSON object"
                .formatted(file, number, abbreviated(text)));
      }
      return new Row(file, number, fields);
    } catch (JsonProcessingException e) {
      throw new InputException(
          "%s, line %d, column %d is not JSON: %s. Found: %s. Mend or remove the line."
              .formatted(
                  file,
                  number,
                  e.getLocation().getColumnNr(),
                  e.getOriginalMessage(),
                  abbreviated(text)),
          e);
    }
  }

  private static String abbreviated(String text) {
    return text.length() <= 80 ? text : text.substring(0, 80) + "…";
  }

  @Override
  public void close() {
    try {
      reader.close();
    } catch (IOException e) {
      throw new InputException("%s cannot be closed: %s".formatted(file, e), e);
    }
  }
}
