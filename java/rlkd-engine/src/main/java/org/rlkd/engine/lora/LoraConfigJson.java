package org.rlkd.engine.lora;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.LoraConfig;

/** adapter_config.json of PEFT as a {@link LoraConfig}, and back. */
final class LoraConfigJson {
  private static final JsonMapper JSON = new JsonMapper();

  /** Keys that say nothing about what is computed once the weights are there. */
  private static final Set<String> INERT =
      Set.of(
          "auto_mapping",
          "base_model_name_or_path",
          "ensure_weight_tying",
          "inference_mode",
          "init_lora_weights",
          "megatron_core",
          "peft_version",
          "qalora_group_size",
          "revision",
          "task_type");

  private static final Set<String> READ =
      Set.of(
          "peft_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "target_modules", "bias");

  private LoraConfigJson() {}

  /** base_model_name_or_path, or null. */
  static String baseModel(Path file) {
    return object(file).path("base_model_name_or_path").textValue();
  }

  private static JsonNode object(Path file) {
    JsonNode json;
    try {
      json = JSON.readTree(Files.readString(file));
    } catch (JacksonException e) {
      throw new InputException(file + " is not JSON: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new InputException(
          file + " cannot be read; a LoRA directory holds it and adapter_model.safetensors", e);
    }
    if (json == null || !json.isObject()) {
      throw new InputException(file + " holds no JSON object");
    }
    return json;
  }

  static LoraConfig read(Path file) {
    JsonNode json = object(file);
    requireText(file, json, "peft_type", "LORA");
    requireText(file, json, "bias", "none");
    refuseWhatIsNotComputed(file, json);
    try {
      return new LoraConfig(
          number(file, json, "r").asInt(),
          number(file, json, "lora_alpha").asDouble(),
          json.path("lora_dropout").asDouble(0),
          json.path("use_rslora").asBoolean(false),
          targets(file, json.path("target_modules")));
    } catch (UsageException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    }
  }

  private static void requireText(Path file, JsonNode json, String key, String expected) {
    String found = json.path(key).asText(expected);
    if (!found.equals(expected)) {
      throw new InputException(
          file
              + ": "
              + key
              + " is "
              + found
              + ", expected "
              + expected
              + "; nothing else is computed");
    }
  }

  /** Every other key must be absent, null, false, or empty: then it asks for nothing. */
  private static void refuseWhatIsNotComputed(Path file, JsonNode json) {
    for (var entry : json.properties()) {
      String key = entry.getKey();
      JsonNode value = entry.getValue();
      boolean asksNothing =
          value.isNull()
              || (value.isBoolean() && !value.booleanValue())
              || (value.isContainerNode() && value.isEmpty());
      if (!asksNothing && !READ.contains(key) && !INERT.contains(key)) {
        throw new InputException(
            file
                + ": "
                + key
                + " is "
                + value
                + ", which is not computed here; expected it absent, null or false");
      }
    }
  }

  private static JsonNode number(Path file, JsonNode json, String key) {
    JsonNode value = json.path(key);
    if (!value.isNumber()) {
      throw new InputException(file + ": " + key + " is " + value + ", expected a number");
    }
    return value;
  }

  private static List<String> targets(Path file, JsonNode value) {
    List<String> targets = new ArrayList<>();
    if (value.isTextual()) {
      targets.add(value.asText());
    } else if (value.isArray()) {
      value.forEach(target -> targets.add(target.asText()));
    } else {
      throw new InputException(
          file + ": target_modules is " + value + ", expected names or one expression");
    }
    return targets;
  }

  /**
   * @param baseModel what PEFT loads the adapter onto: a name or a path; null = not said
   */
  static String write(LoraConfig config, String baseModel) {
    ObjectNode json = JSON.createObjectNode();
    json.put("base_model_name_or_path", baseModel);
    json.put("bias", "none");
    json.put("fan_in_fan_out", false);
    json.put("inference_mode", true);
    json.put("init_lora_weights", true);
    json.put("lora_alpha", config.alpha());
    json.put("lora_dropout", config.dropout());
    json.putNull("modules_to_save");
    json.put("peft_type", "LORA");
    json.put("r", config.rank());
    List<String> targets = config.targetModules();
    if (targets.size() == 1
        && (targets.get(0).equals(LoraConfig.ALL_LINEAR)
            || LoraConfig.isExpression(targets.get(0)))) {
      json.put("target_modules", targets.get(0));
    } else {
      ArrayNode names = json.putArray("target_modules");
      targets.forEach(names::add);
    }
    json.put("task_type", "CAUSAL_LM");
    json.put("use_dora", false);
    json.put("use_rslora", config.rankStabilised());
    return json.toPrettyString() + "\n";
  }
}
