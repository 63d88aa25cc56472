package org.rlkd.engine.training;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.rlkd.core.InputException;
import org.rlkd.engine.storage.AtomicFile;

/**
 * {@code trainer_state.json}: where a run stood at a checkpoint, and what it was a run of.
 *
 * <p>The order of the data, the samples and the learning rate follow from (options, step); no
 * random number generator has a state of its own.
 *
 * @param trainer "sft" or "grpo"
 * @param step optimizer steps done
 * @param updates of them, those that changed the weights
 * @param skippedInARow the last steps that were skipped because loss or gradient was not finite
 * @param tokens tokens seen
 * @param options of the trainer by name, as text
 * @param data fingerprint of the training data
 */
record TrainerState(
    String trainer,
    long step,
    long updates,
    long skippedInARow,
    long tokens,
    Map<String, String> options,
    String data) {
  static final String FILE = "trainer_state.json";
  private static final int FORMAT = 1;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Options that may change when a run is resumed: they only say how far it goes. */
  private static final Set<String> LENGTH_OF_RUN =
      Set.of("maxSteps", "epochs", "mostSkippedInARow");

  /** The options of a record by name; those of a record in it with its name before theirs. */
  static Map<String, String> optionsOf(Record options) {
    Map<String, String> values = new LinkedHashMap<>();
    collect("", options, values);
    return values;
  }

  private static void collect(String prefix, Record options, Map<String, String> values) {
    for (RecordComponent component : options.getClass().getRecordComponents()) {
      String name = prefix + component.getName();
      Object value;
      try {
        value = component.getAccessor().invoke(options);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("cannot read option " + name, e);
      }
      if (value instanceof Record nested) {
        collect(name + ".", nested, values);
      } else if (value instanceof Set<?> set) {
        values.put(name, new TreeSet<Object>(set).toString());
      } else {
        values.put(name, String.valueOf(value));
      }
    }
  }

  void write(Path directory) {
    ObjectNode json =
        JSON.createObjectNode()
            .put("format", FORMAT)
            .put("trainer", trainer)
            .put("step", step)
            .put("updates", updates)
            .put("skipped_in_a_row", skippedInARow)
            .put("tokens", tokens)
            .put("data", data);
    json.set("options", JSON.valueToTree(options));
    ByteBuffer text =
        ByteBuffer.wrap((json.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8));
    AtomicFile.write(
        directory.resolve(FILE),
        channel -> {
          while (text.hasRemaining()) {
            channel.write(text);
          }
        });
  }

  /**
   * Reads the state of a checkpoint.
   *
   * @throws InputException if the file is missing or damaged
   */
  static TrainerState read(Path directory) {
    Path file = directory.resolve(FILE);
    try {
      JsonNode json = JSON.readTree(Files.readAllBytes(file));
      if (json.path("format").asInt() != FORMAT) {
        throw new InputException(
            file
                + " has format "
                + json.path("format")
                + ", expected "
                + FORMAT
                + ". Resume with the version of rlkd that wrote it.");
      }
      Map<String, String> options = new LinkedHashMap<>();
      json.path("options")
          .properties()
          .forEach(o -> options.put(o.getKey(), o.getValue().asText()));
      return new TrainerState(
          json.path("trainer").asText(),
          json.path("step").asLong(),
          json.path("updates").asLong(),
          json.path("skipped_in_a_row").asLong(),
          json.path("tokens").asLong(),
          options,
          json.path("data").asText());
    } catch (JacksonException e) {
      throw new InputException(file + " is not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new InputException(
          file + " cannot be read: " + e + ". A checkpoint of rlkd has this file.", e);
    }
  }

  /**
   * Refuses to go on with another trainer, other options or other data than the saved ones.
   *
   * @param directory of this state, for the message
   */
  void requireSameRun(
      Path directory, String nowTrainer, Map<String, String> nowOptions, String nowData) {
    if (!trainer.equals(nowTrainer)) {
      throw new InputException(
          directory + " is a checkpoint of " + trainer + ", this run is " + nowTrainer + ".");
    }
    nowOptions.forEach(
        (name, value) -> {
          if (!LENGTH_OF_RUN.contains(name) && !value.equals(options.get(name))) {
            throw new InputException(
                directory
                    + " was written with "
                    + name
                    + " = "
                    + options.get(name)
                    + ", this run has "
                    + value
                    + ". Resume with the same configuration, or start a new run from its weights.");
          }
        });
    if (!data.equals(nowData)) {
      throw new InputException(
          directory
              + " was written with other training data. Resume with the same data, or start a new"
              + " run from its weights.");
    }
  }
}
