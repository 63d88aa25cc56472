package org.rlkd.engine.model;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.rlkd.core.InputException;

/**
 * generation_config.json: the tokens that end a generation and the sampling defaults that a model's
 * makers recommend. Keys that rlkd does not use are kept and saved again.
 */
public final class GenerationConfig {
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectNode json;

  private GenerationConfig(ObjectNode json) {
    this.json = json;
  }

  /** What transformers derives from config.json where the file is missing. */
  public static GenerationConfig of(ModelConfig config) {
    ObjectNode json = JSON.createObjectNode();
    json.put("_from_model_config", true);
    json.put("bos_token_id", config.bosTokenId());
    json.put("do_sample", false);
    ModelConfigJson.putTokenIds(json, "eos_token_id", config.eosTokenIds());
    json.put("pad_token_id", config.padTokenId());
    json.put("use_cache", true);
    return new GenerationConfig(json);
  }

  /**
   * Reads the file.
   *
   * @throws InputException if it is no JSON object
   */
  static GenerationConfig read(Path file) {
    try {
      if (JSON.readTree(Files.readString(file)) instanceof ObjectNode json) {
        return new GenerationConfig(json);
      }
      throw new InputException(file + " holds no JSON object");
    } catch (JacksonException e) {
      throw new InputException(file + " is not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** Tokens that end a generation; possibly empty. */
  public List<Integer> eosTokenIds() {
    JsonNode value = json.path("eos_token_id");
    List<Integer> ids = new ArrayList<>();
    if (value.isArray()) {
      value.forEach(id -> ids.add(id.asInt()));
    } else if (value.isIntegralNumber()) {
      ids.add(value.asInt());
    }
    return ids;
  }

  /** A recommended sampling value, for instance {@code temperature} or {@code top_k}. */
  public OptionalDouble number(String key) {
    JsonNode value = json.path(key);
    return value.isNumber() ? OptionalDouble.of(value.doubleValue()) : OptionalDouble.empty();
  }

  /** The text of the file. */
  String toJson() {
    return json.toPrettyString() + "\n";
  }
}
