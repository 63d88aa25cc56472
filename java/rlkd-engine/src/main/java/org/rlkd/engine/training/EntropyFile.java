package org.rlkd.engine.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rlkd.core.InputException;
import org.rlkd.engine.policy.EntropyCoefficient;
import org.rlkd.engine.storage.AtomicFile;

/** {@code entropy_state.json}: the entropy coefficient of a checkpoint. */
final class EntropyFile {
  static final String NAME = "entropy_state.json";
  private static final String COEFFICIENT = "entropy_coef";
  private static final String LAST_ENTROPY = "last_entropy";
  private static final ObjectMapper JSON = new ObjectMapper();

  private EntropyFile() {}

  static void write(Path file, EntropyCoefficient entropy) {
    ObjectNode json = JSON.createObjectNode().put(COEFFICIENT, entropy.coefficient());
    if (Double.isFinite(entropy.lastEntropy())) {
      json.put(LAST_ENTROPY, entropy.lastEntropy());
    }
    ByteBuffer text = ByteBuffer.wrap((json + "\n").getBytes(StandardCharsets.UTF_8));
    AtomicFile.write(
        file,
        channel -> {
          while (text.hasRemaining()) {
            channel.write(text);
          }
        });
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws InputException if the file is missing or damaged
   */
  static void read(Path file, EntropyCoefficient entropy) {
    try {
      JsonNode json = JSON.readTree(Files.readAllBytes(file));
      entropy.restore(
          json.required(COEFFICIENT).doubleValue(),
          json.path(LAST_ENTROPY).asDouble(Double.POSITIVE_INFINITY));
    } catch (IOException | IllegalArgumentException e) {
      throw new InputException(
          "%s cannot be read: %s. Resume from an earlier checkpoint.".formatted(file, e), e);
    }
  }
}
