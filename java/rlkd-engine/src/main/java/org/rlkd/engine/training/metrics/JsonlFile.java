package org.rlkd.engine.training.metrics;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.rlkd.core.InputException;

/**
 * A file of JSON objects, one a line, each with the optimizer step that it belongs to.
 *
 * <p>A resumed run continues the file of the stopped one: lines of later steps than the checkpoint,
 * and a last line cut off by the stop, are removed when the file is opened.
 */
public final class JsonlFile implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path path;
  private final FileChannel channel;

  /**
   * Opens the file for appending; makes it if it isn't there.
   *
   * @param lastStep lines with a greater {@code step} are dropped; 0 empties the file
   */
  public JsonlFile(Path path, long lastStep) {
    this.path = path;
    try {
      if (path.getParent() != null) {
        Files.createDirectories(path.getParent());
      }
      this.channel =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      channel.truncate(lengthUpTo(lastStep));
      channel.position(channel.size());
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** A new, empty object for {@link #append}. */
  public ObjectNode newLine(long step) {
    return JSON.createObjectNode().put("step", step);
  }

  /** Writes one line; it has left the process when this returns. */
  public void append(ObjectNode line) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** Waits until what was appended is on the disk. */
  public void sync() {
    try {
      channel.force(true);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  private long lengthUpTo(long lastStep) throws IOException {
    if (lastStep == 0) {
      return 0;
    }
    long kept = 0;
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(path))) {
      for (int next = in.read(); next >= 0; next = in.read()) {
        if (next != '\n') {
          line.write(next);
          continue;
        }
        if (stepOf(line.toByteArray()) > lastStep) {
          break;
        }
        kept += line.size() + 1;
        line.reset();
      }
    }
    return kept;
  }

  private static long stepOf(byte[] line) throws IOException {
    try {
      return JSON.readTree(line).path("step").asLong(Long.MAX_VALUE);
    } catch (JsonProcessingException e) {
      return Long.MAX_VALUE;
    }
  }

  private InputException cannotWrite(IOException e) {
    return new InputException(
        "Cannot write "
            + path
            + ": "
            + e
            + ". Choose an output directory that is writable and has free space.",
        e);
  }
}
