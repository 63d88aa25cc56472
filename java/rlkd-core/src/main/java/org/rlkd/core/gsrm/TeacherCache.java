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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rlkd.core.InputException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decompositions of teachers' reasoning, made once for each problem, decomposer and version, and
 * kept on disk for later runs.
 *
 * <p>The file is JSONL, one decomposition a line: {@code {"problem": id, "decomposer": id with
 * version, "text": SHA-256 of the reasoning, "steps": [[meta, query, answer], ...], "output": the
 * tagged text, where it is not how rlkd writes these steps}}, or {@code "failed": reason} in place
 * of the steps. Failures are remembered too; those that are not {@link
 * Decomposition.Failed#lasting} in memory alone, so another run tries again.
 *
 * <p>Lines are only ever appended, so a run that was killed goes on where it stopped. A last line
 * that a crash has cut short is dropped; any other line that does not parse is reported to the log
 * and left out: its text is decomposed again. One process at a time writes (see {@link CacheLock}).
 * Not thread-safe.
 */
public final class TeacherCache implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TeacherCache.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * A remembered decomposition.
   *
   * @param contentHash of the reasoning, see {@link Reasoning#contentHash}
   */
  public record Entry(
      String problemId, String decomposerId, String contentHash, Decomposition decomposition) {}

  private record Key(String problemId, String decomposerId, String contentHash) {}

  private final Map<Key, Decomposition> decompositions = new LinkedHashMap<>();
  private final Path file;
  private final CacheLock lock;
  private FileChannel channel;

  private TeacherCache(Path file, CacheLock lock) {
    this.file = file;
    this.lock = lock;
  }

  /** A cache that lives as long as the object. */
  public static TeacherCache inMemory() {
    return new TeacherCache(null, null);
  }

  /**
   * Opens or creates the file and reads what it holds.
   *
   * @throws InputException if it cannot be read or written
   */
  public static TeacherCache open(Path file) {
    try {
      TeacherCache cache = new TeacherCache(file, CacheLock.of(file));
      try {
        cache.load();
        return cache;
      } catch (IOException | RuntimeException e) {
        cache.lock.close();
        throw e;
      }
    } catch (IOException e) {
      throw new InputException("teacher cache %s cannot be opened: %s".formatted(file, e), e);
    }
  }

  /**
   * What a file holds, in the order of the lines, without opening it for writing.
   *
   * @throws InputException if it cannot be read
   */
  public static List<Entry> entries(Path file) {
    TeacherCache cache = new TeacherCache(file, null);
    try {
      byte[] content = Files.readAllBytes(file);
      cache.read(new String(content, 0, complete(content), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new InputException("teacher cache %s cannot be read: %s".formatted(file, e), e);
    }
    List<Entry> entries = new ArrayList<>();
    cache.decompositions.forEach(
        (key, decomposition) ->
            entries.add(
                new Entry(key.problemId, key.decomposerId, key.contentHash, decomposition)));
    return entries;
  }

  private void load() throws IOException {
    byte[] content = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
    int complete = complete(content);
    read(new String(content, 0, complete, StandardCharsets.UTF_8));
    if (!lock.writer()) {
      LOG.info(
          "teacher cache {} is written by another run: it is used, new entries stay in memory",
          file);
      return;
    }
    channel = lock.channel();
    channel.truncate(complete);
    channel.position(complete);
  }

  /** Bytes up to the last line end. */
  private static int complete(byte[] content) {
    int complete = content.length;
    while (complete > 0 && content[complete - 1] != '\n') {
      complete--;
    }
    return complete;
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
        Key key =
            new Key(
                row.required("problem").asText(),
                row.required("decomposer").asText(),
                row.required("text").asText());
        decompositions.put(key, decomposition(row));
      } catch (JsonProcessingException | IllegalArgumentException e) {
        LOG.warn(
            "teacher cache {}, line {}: not a decomposition (expected an object with problem,"
                + " decomposer, text and steps or failed); it is left out and made again",
            file,
            number);
      }
    }
  }

  private static Decomposition decomposition(JsonNode row) {
    if (row.path("failed").isTextual()) {
      return new Decomposition.Failed(row.get("failed").textValue());
    }
    List<Step> steps = new ArrayList<>();
    for (JsonNode step : row.required("steps")) {
      steps.add(
          new Step(
              step.required(0).asText(), step.required(1).asText(), step.required(2).asText()));
    }
    Structure structure = new Structure(steps);
    return row.path("output").isTextual()
        ? new Decomposition.Parsed(structure, row.get("output").textValue())
        : new Decomposition.Parsed(structure);
  }

  /** The decomposition of a reasoning, if it was put here under the same decomposer. */
  public Optional<Decomposition> get(String problemId, String decomposerId, Reasoning reasoning) {
    return Optional.ofNullable(
        decompositions.get(new Key(problemId, decomposerId, reasoning.contentHash())));
  }

  /** Keeps a decomposition; appends it to the file unless it is a failure that may pass. */
  public void put(
      String problemId, String decomposerId, Reasoning reasoning, Decomposition decomposition) {
    Key key = new Key(problemId, decomposerId, reasoning.contentHash());
    if (decomposition.equals(decompositions.put(key, decomposition)) || channel == null) {
      return;
    }
    ObjectNode row = JSON.createObjectNode();
    row.put("problem", problemId).put("decomposer", decomposerId).put("text", key.contentHash);
    if (decomposition instanceof Decomposition.Failed failed) {
      if (!failed.lasting()) {
        return;
      }
      row.put("failed", failed.reason());
    } else if (decomposition instanceof Decomposition.Parsed parsed) {
      ArrayNode steps = row.putArray("steps");
      for (Step step : parsed.structure().steps()) {
        steps.addArray().add(step.metaReasoning()).add(step.query()).add(step.answer());
      }
      if (!parsed.output().equals(StructureRenderer.render(parsed.structure()))) {
        row.put("output", parsed.output());
      }
    }
    append(row);
  }

  private void append(ObjectNode row) {
    try {
      ByteBuffer line = StandardCharsets.UTF_8.encode(JSON.writeValueAsString(row) + "\n");
      while (line.hasRemaining()) {
        channel.write(line);
      }
    } catch (IOException e) {
      throw new InputException("teacher cache %s cannot be written: %s".formatted(file, e), e);
    }
  }

  /** Number of decompositions, failures included. */
  public int size() {
    return decompositions.size();
  }

  @Override
  public void close() {
    if (lock == null) {
      return;
    }
    try {
      if (channel != null) {
        channel.force(true);
      }
      lock.close();
    } catch (IOException e) {
      throw new InputException("teacher cache %s cannot be written: %s".formatted(file, e), e);
    }
  }
}
