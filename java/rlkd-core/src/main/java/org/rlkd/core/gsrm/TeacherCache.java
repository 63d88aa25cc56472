package org.rlkd.core.gsrm;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rlkd.core.InputException;

/**
 * Decompositions of teacher texts, computed once for each problem and kept on disk.
 *
 * <p>The file is JSONL, one decomposition a line: {@code {"problem", "decomposer", "text": SHA-256
 * of the text, "steps": [[meta, query, answer], ...]}}. Lines are only ever appended. A last line
 * that a crash has cut short is dropped when the file is opened again; any other line that does not
 * parse is an error. Not thread-safe; one process at a time writes to a file.
 */
public final class TeacherCache implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private record Key(String problemId, String decomposerId, String textHash) {}

  private final Map<Key, Structure> structures = new HashMap<>();
  private final Path file;
  private final FileChannel channel;

  private TeacherCache(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /** A cache that lives as long as the object. */
  public static TeacherCache inMemory() {
    return new TeacherCache(null, null);
  }

  /** Opens or creates the file and reads what it holds. */
  public static TeacherCache open(Path file) {
    try {
      byte[] content = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      int complete = content.length;
      while (complete > 0 && content[complete - 1] != '\n') {
        complete--;
      }
      try {
        TeacherCache cache = new TeacherCache(file, channel);
        channel.truncate(complete);
        channel.position(complete);
        cache.read(new String(content, 0, complete, StandardCharsets.UTF_8));
        return cache;
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new InputException("teacher cache " + file + " cannot be opened: " + e.getMessage(), e);
    }
  }

  private void read(String content) {
    int number = 0;
    for (String line : content.split("\n")) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      try {
        JsonNode row = JSON.readTree(line);
        List<Step> steps = new ArrayList<>();
        for (JsonNode step : row.required("steps")) {
          steps.add(
              new Step(
                  step.required(0).asText(), step.required(1).asText(), step.required(2).asText()));
        }
        Key key =
            new Key(
                row.required("problem").asText(),
                row.required("decomposer").asText(),
                row.required("text").asText());
        structures.put(key, new Structure(steps));
      } catch (JsonProcessingException | IllegalArgumentException e) {
        throw new InputException(
            "teacher cache %s, line %d: not a decomposition (expected an object with problem, decomposer, text and steps); remove the line or the file, it is computed again"
                .formatted(file, number),
            e);
      }
    }
  }

  /** The decomposition of a text, if it was put here by the same decomposer. */
  public Optional<Structure> get(String problemId, String decomposerId, String text) {
    return Optional.ofNullable(
        structures.get(new Key(problemId, decomposerId, TeacherTree.contentHash(text))));
  }

  /** Keeps a decomposition and appends it to the file. */
  public void put(String problemId, String decomposerId, String text, Structure structure) {
    Key key = new Key(problemId, decomposerId, TeacherTree.contentHash(text));
    if (structure.equals(structures.put(key, structure)) || channel == null) {
      return;
    }
    ObjectNode row = JSON.createObjectNode();
    row.put("problem", problemId).put("decomposer", decomposerId).put("text", key.textHash);
    ArrayNode steps = row.putArray("steps");
    for (Step step : structure.steps()) {
      steps.addArray().add(step.metaReasoning()).add(step.query()).add(step.answer());
    }
    try {
      ByteBuffer line = StandardCharsets.UTF_8.encode(JSON.writeValueAsString(row) + "\n");
      while (line.hasRemaining()) {
        channel.write(line);
      }
    } catch (IOException e) {
      throw new InputException(
          "teacher cache " + file + " cannot be written: " + e.getMessage(), e);
    }
  }

  /** Number of decompositions. */
  public int size() {
    return structures.size();
  }

  @Override
  public void close() {
    if (channel == null) {
      return;
    }
    try {
      channel.force(true);
      channel.close();
    } catch (IOException e) {
      throw new InputException(
          "teacher cache " + file + " cannot be written: " + e.getMessage(), e);
    }
  }
}
