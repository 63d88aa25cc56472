package org.rlkd.core.data.conversion;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.rlkd.core.InputException;

/**
 * How far a conversion has come: what a killed one goes on from.
 *
 * @param fingerprint of settings and input files
 * @param file index of the input file it is at
 * @param rows rows of that file that are done
 * @param bytes length of each output's work file at that point
 * @param counts rows by what became of them
 */
record ConversionState(
    String fingerprint, int file, long rows, List<Long> bytes, Map<String, Long> counts) {
  private static final ObjectMapper JSON = new ObjectMapper();

  static ConversionState read(Path path) {
    try {
      return JSON.readValue(path.toFile(), ConversionState.class);
    } catch (JsonProcessingException e) {
      throw new InputException(
          "%s is damaged: %s. Remove it to start again.".formatted(path, e.getOriginalMessage()),
          e);
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(path, e), e);
    }
  }

  /** Replaces the file as a whole. */
  void write(Path path) {
    Path partial = path.resolveSibling(path.getFileName() + ".partial");
    try {
      try (FileChannel channel =
          FileChannel.open(
              partial,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        ByteBuffer content = ByteBuffer.wrap(JSON.writeValueAsBytes(this));
        while (content.hasRemaining()) {
          channel.write(content);
        }
        channel.force(true);
      }
      Files.move(
          partial, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(path, e), e);
    }
  }
}
