package org.rlkd.engine.evaluation;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.rlkd.core.InputException;
import org.rlkd.core.data.Problem;
import org.rlkd.engine.generation.FinishReason;
import org.rlkd.engine.reward.RewardJson;
import org.rlkd.engine.storage.AtomicFile;

/**
 * The completions of an evaluation on disk, from which one that was stopped goes on.
 *
 * <pre>
 * DIR/evaluation.json      the settings on which the numbers depend
 * DIR/completions.jsonl    a line for each completion, in the order of the evaluation
 * </pre>
 *
 * Completions come in parts of known sizes. A part of which a line is missing, as after a kill, is
 * dropped when the journal is opened.
 */
public final class EvaluationJournal implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SETTINGS = "evaluation.json";
  private static final String COMPLETIONS = "completions.jsonl";

  private final Path file;
  private final FileChannel channel;
  private final List<JsonNode> done = new ArrayList<>();

  private EvaluationJournal(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /**
   * Opens a directory, made if it isn't there.
   *
   * @param settings must be those of the journal that it holds
   * @param parts completions of each part
   * @throws InputException if it holds something else, or an evaluation of other settings
   */
  public static EvaluationJournal open(Path directory, ObjectNode settings, List<Integer> parts) {
    Path settingsFile = directory.resolve(SETTINGS);
    try {
      Files.createDirectories(directory);
      if (Files.exists(settingsFile)) {
        JsonNode found = JSON.readTree(settingsFile.toFile());
        if (!settings.toString().equals(found.toString())) {
          throw new InputException(
              "%s holds an evaluation of other settings: %s. Found %s, now asked for %s. Choose another directory."
                  .formatted(directory, SETTINGS, found, settings));
        }
      } else {
        try (Stream<Path> entries = Files.list(directory)) {
          if (entries.findAny().isPresent()) {
            throw new InputException(
                "%s is not empty and holds no evaluation: choose another directory, or remove it first"
                    .formatted(directory));
          }
        }
        byte[] content = (settings.toString() + "\n").getBytes(StandardCharsets.UTF_8);
        AtomicFile.write(settingsFile, to -> to.write(ByteBuffer.wrap(content)));
      }
      Path file = directory.resolve(COMPLETIONS);
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      EvaluationJournal journal = new EvaluationJournal(file, channel);
      journal.read(parts);
      return journal;
    } catch (JsonProcessingException e) {
      throw new InputException(
          "%s is damaged: %s. Choose another directory."
              .formatted(settingsFile, e.getOriginalMessage()),
          e);
    } catch (IOException e) {
      throw new InputException("%s cannot be used: %s".formatted(directory, e), e);
    }
  }

  /** Keeps the whole parts, cuts the rest off. */
  private void read(List<Integer> parts) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    List<Long> ends = new ArrayList<>();
    long position = 0;
    long length = channel.size();
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        position += line.getBytes(StandardCharsets.UTF_8).length + 1;
        if (position > length) {
          break; // without its line end
        }
        try {
          lines.add(JSON.readTree(line));
        } catch (JsonProcessingException e) {
          break;
        }
        ends.add(position);
      }
    }
    int whole = 0;
    for (int part : parts) {
      if (whole + part > lines.size()) {
        break;
      }
      whole += part;
    }
    done.addAll(lines.subList(0, whole));
    long kept = whole == 0 ? 0 : ends.get(whole - 1);
    channel.truncate(kept);
    channel.position(kept);
  }

  /** How many completions are done. */
  public int size() {
    return done.size();
  }

  /**
   * A completion that is done, without the explanations of its rewards.
   *
   * @param index its place in the evaluation
   * @param problem of which it is
   */
  public EvaluatedCompletion completion(int index, Problem problem) {
    JsonNode line = done.get(index);
    Map<String, Double> scores = new LinkedHashMap<>();
    JsonNode rewards = line.get("rewards");
    rewards
        .fieldNames()
        .forEachRemaining(
            name ->
                scores.put(
                    name,
                    rewards.get(name).isNull() ? Double.NaN : rewards.get(name).doubleValue()));
    return new EvaluatedCompletion(
        problem,
        line.get("sample").intValue(),
        line.get("completion").textValue(),
        line.get("tokens").intValue(),
        FinishReason.valueOf(line.get("finish_reason").textValue().toUpperCase(Locale.ROOT)),
        scores,
        Map.of());
  }

  /** Appends a part and forces it to the disk. */
  public void write(long seed, List<EvaluatedCompletion> part) {
    StringBuilder lines = new StringBuilder();
    for (EvaluatedCompletion completion : part) {
      lines.append(line(seed, completion)).append('\n');
    }
    try {
      ByteBuffer bytes = ByteBuffer.wrap(lines.toString().getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(false);
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e), e);
    }
  }

  private static ObjectNode line(long seed, EvaluatedCompletion completion) {
    ObjectNode line = JSON.createObjectNode();
    line.put("problem", completion.problem().id());
    line.put("seed", seed);
    line.put("sample", completion.sample());
    line.put("completion", completion.text());
    line.put("answer", completion.problem().answer());
    line.put("tokens", completion.tokens());
    line.put("finish_reason", completion.finishReason().name().toLowerCase(Locale.ROOT));
    RewardJson.put(line, completion.scores(), completion.explanations());
    return line;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new InputException("%s cannot be closed: %s".formatted(file, e), e);
    }
  }
}
