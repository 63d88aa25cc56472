package org.rlkd.engine.gsrm;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rlkd.core.InputException;

/**
 * How a model directory is used as a decomposer; the file {@value #FILE} beside its weights.
 *
 * @param split what is decomposed in one call of the model
 * @param prompt text given to the model, with {@value #TEXT} where the reasoning goes; null: the
 *     conversation of {@link org.rlkd.core.gsrm.DecompositionPrompt} by the model's chat template
 * @param maxNewTokens most tokens of one decomposition
 * @param attempts how often an output that does not parse is tried, at least 1: the first greedy,
 *     the others sampled
 */
public record GsrmSettings(
    @JsonProperty(value = "split", required = true) Split split,
    @JsonProperty("prompt") String prompt,
    @JsonProperty(value = "max_new_tokens", required = true) int maxNewTokens,
    @JsonProperty(value = "attempts", required = true) int attempts) {

  static final String FILE = "gsrm.json";
  static final String TEXT = "{text}";

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);

  /** The unit of reasoning that one call of the model decomposes. */
  public enum Split {
    /** A sentence, which holds at most one step. */
    @JsonProperty("sentence")
    SENTENCE,
    /** The whole text. */
    @JsonProperty("text")
    TEXT
  }

  public GsrmSettings {
    if (prompt != null && !prompt.contains(TEXT)) {
      throw new IllegalArgumentException(
          "prompt '%s' has no %s: put it where the reasoning goes".formatted(prompt, TEXT));
    }
    if (maxNewTokens < 1 || attempts < 1) {
      throw new IllegalArgumentException(
          "max_new_tokens %d, attempts %d: both must be at least 1"
              .formatted(maxNewTokens, attempts));
    }
  }

  /** The prompt for one piece of reasoning; only where {@link #prompt} is not null. */
  public String promptFor(String reasoning) {
    return prompt.replace(TEXT, reasoning);
  }

  /**
   * Reads the settings of a GSRM directory.
   *
   * @param otherwise holds where the directory has none: any chat model can be asked
   */
  public static GsrmSettings load(Path directory, GsrmSettings otherwise) {
    Path file = directory.resolve(FILE);
    return Files.exists(file) ? load(directory) : otherwise;
  }

  /** Reads the settings of a GSRM directory that has them. */
  public static GsrmSettings load(Path directory) {
    Path file = directory.resolve(FILE);
    try {
      return JSON.readValue(file.toFile(), GsrmSettings.class);
    } catch (JsonProcessingException e) {
      throw new InputException("%s: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** Writes the settings into a GSRM directory. */
  public void save(Path directory) {
    Path file = directory.resolve(FILE);
    try {
      Files.writeString(file, JSON.writeValueAsString(this) + "\n");
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(file, e.getMessage()), e);
    }
  }
}
