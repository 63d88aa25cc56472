package org.rlkd.engine.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.rlkd.engine.storage.AtomicFile;

/**
 * {@code skipped-batch-STEP.json}: the sequences of a step whose loss or gradient was not finite,
 * for inspection.
 *
 * <pre>
 * step, reason, sequences
 * sft:   tokens, target (whether each token is learned)
 * grpo:  prompt, completion (tokens), text, trained, advantage, sampler_logprobs, old_logprobs, ref_logprobs
 * </pre>
 *
 * Numbers that are not finite are the strings "NaN" and "Infinity".
 */
final class SkippedBatch {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SkippedBatch() {}

  /**
   * Writes the file of a step.
   *
   * @param reason what was not finite
   * @return the file
   */
  static Path write(Path directory, long step, String reason, List<Map<String, Object>> sequences) {
    ObjectNode json = JSON.createObjectNode().put("step", step).put("reason", reason);
    json.set("sequences", JSON.valueToTree(sequences));
    Path file = directory.resolve("skipped-batch-" + step + ".json");
    AtomicFile.write(file, channel -> writeAll(channel, json));
    return file;
  }

  private static void writeAll(WritableByteChannel channel, ObjectNode json) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(JSON.writeValueAsBytes(json));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
