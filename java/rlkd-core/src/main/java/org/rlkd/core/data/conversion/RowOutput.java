package org.rlkd.core.data.conversion;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.rlkd.core.InputException;

/**
 * An output file of a conversion: {@code .jsonl}, {@code .jsonl.gz} or {@code .parquet} by its
 * name.
 *
 * <p>Rows go to a work file of JSON lines beside it, hidden, which a killed conversion goes on
 * from; at the end the output appears as a whole.
 */
final class RowOutput implements AutoCloseable {
  private final Path target;
  private final Path work;
  private final Map<String, String> columns;
  private final FileChannel channel;
  private final OutputStream out;

  /**
   * Opens the work file.
   *
   * @param bytes how much of it is kept
   * @throws InputException for an unknown kind of file, or if it cannot be written
   */
  RowOutput(Path target, Map<String, String> columns, long bytes) {
    this.target = target;
    this.work = hidden(target, ".work.jsonl");
    this.columns = columns;
    requireKind(target);
    try {
      channel = FileChannel.open(work, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (channel.size() < bytes) {
        channel.close();
        throw new InputException(
            "%s is shorter than when the conversion was broken off: remove it and %s to start again"
                .formatted(work, Conversion.stateFile(target)));
      }
      channel.truncate(bytes);
      channel.position(bytes);
      out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** A file beside another that does not show in listings. */
  static Path hidden(Path target, String suffix) {
    return target.resolveSibling("." + target.getFileName() + suffix);
  }

  static void requireKind(Path target) {
    String name = name(target);
    if (!name.endsWith(".jsonl") && !name.endsWith(".jsonl.gz") && !name.endsWith(".parquet")) {
      throw new InputException(
          "output %s: found an unknown kind, expected a name that ends in .jsonl, .jsonl.gz or .parquet"
              .formatted(target));
    }
  }

  private static String name(Path target) {
    return target.getFileName().toString().toLowerCase(Locale.ROOT);
  }

  void write(ObjectNode row) {
    try {
      out.write(row.toString().getBytes(StandardCharsets.UTF_8));
      out.write('\n');
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** Forces what is written to the disk; returns the work file's length. */
  long flush() {
    try {
      out.flush();
      channel.force(false);
      return channel.position();
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** Puts the output in its place. */
  void complete() {
    flush();
    Path partial = hidden(target, ".partial");
    try {
      if (name(target).endsWith(".parquet")) {
        ParquetCopy.ofJsonLines(work, columns, partial);
      } else if (name(target).endsWith(".gz")) {
        try (OutputStream gzip = new GZIPOutputStream(Files.newOutputStream(partial), 1 << 16)) {
          Files.copy(work, gzip);
        }
      } else {
        Files.copy(work, partial, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.move(
          partial, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** Removes the work file, when all outputs are in their places. */
  void removeWork() {
    try {
      Files.deleteIfExists(work);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  private InputException cannotWrite(IOException e) {
    return new InputException("%s cannot be written: %s".formatted(target, e), e);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }
}
