package org.rlkd.engine.model;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.rlkd.core.InputException;

/** config.json of transformers 4 and 5 as a {@link ModelConfig}, and back. */
final class ModelConfigJson {
  private static final JsonMapper JSON = new JsonMapper();
  private static final Set<String> DTYPES = Set.of("float32", "bfloat16", "float16");

  private final Path file;
  private final JsonNode json;

  private ModelConfigJson(Path file, JsonNode json) {
    this.file = file;
    this.json = json;
  }

  static ModelConfig read(Path file) {
    JsonNode json;
    try {
      json = JSON.readTree(Files.readString(file));
    } catch (NoSuchFileException e) {
      throw new InputException(
          file + " does not exist; a model directory holds config.json and safetensors weights", e);
    } catch (JacksonException e) {
      throw new InputException(file + " is not JSON: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + e.getMessage(), e);
    }
    if (json == null || !json.isObject()) {
      throw new InputException(file + " holds no JSON object");
    }
    return new ModelConfigJson(file, json).config();
  }

  private ModelConfig config() {
    ModelFamily family = family();
    refuseWhatIsNotComputed();
    int layers = integer("num_hidden_layers");
    refuseSlidingWindow(family, layers);
    int hidden = integer("hidden_size");
    int heads = integer("num_attention_heads");
    boolean attentionBias = flag("attention_bias", false);
    try {
      return new ModelConfig(
          family,
          integer("vocab_size"),
          hidden,
          integer("intermediate_size"),
          layers,
          heads,
          present("num_key_value_heads") ? integer("num_key_value_heads") : heads,
          present("head_dim") ? integer("head_dim") : hidden / Math.max(1, heads),
          number("rms_norm_eps"),
          rope(),
          family == ModelFamily.QWEN2 || attentionBias,
          family != ModelFamily.QWEN2 && attentionBias,
          family == ModelFamily.LLAMA && flag("mlp_bias", false),
          flag("tie_word_embeddings", false),
          integer("max_position_embeddings"),
          present("initializer_range") ? number("initializer_range") : 0.02,
          present("bos_token_id") ? integer("bos_token_id") : null,
          tokenIds("eos_token_id"),
          present("pad_token_id") ? integer("pad_token_id") : null,
          dtype());
    } catch (IllegalArgumentException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    }
  }

  private ModelFamily family() {
    JsonNode architectures = json.path("architectures");
    if (architectures.isArray() && !architectures.isEmpty()) {
      String name = architectures.get(0).asText();
      return ModelFamily.ofArchitecture(name)
          .orElseThrow(() -> unsupported("architecture " + name, ModelFamily.supported()));
    }
    String type = json.path("model_type").asText();
    return ModelFamily.ofModelType(type)
        .orElseThrow(() -> unsupported("model_type \"" + type + "\"", ModelFamily.supported()));
  }

  private void refuseWhatIsNotComputed() {
    String activation = json.path("hidden_act").asText("silu");
    if (!activation.equals("silu")) {
      throw unsupported("hidden_act \"" + activation + "\"", "silu");
    }
    if (json.path("attention_dropout").asDouble(0) != 0) {
      throw unsupported("attention_dropout " + json.get("attention_dropout"), "0.0");
    }
    if (present("quantization_config")) {
      throw unsupported("quantization_config", "float32, bfloat16 or float16 weights");
    }
    if (json.path("partial_rotary_factor").asDouble(1) != 1) {
      throw unsupported("partial_rotary_factor " + json.get("partial_rotary_factor"), "1.0");
    }
  }

  /** As transformers: windows are in use only if some layer is past {@code max_window_layers}. */
  private void refuseSlidingWindow(ModelFamily family, int layers) {
    for (JsonNode type : json.path("layer_types")) {
      if (!type.asText().equals("full_attention")) {
        throw unsupported("layer_types entry " + type, "full_attention");
      }
    }
    if (family != ModelFamily.LLAMA
        && !present("layer_types")
        && flag("use_sliding_window", false)
        && present("sliding_window")
        && json.path("max_window_layers").asInt(28) < layers) {
      throw unsupported("sliding_window " + json.get("sliding_window"), "use_sliding_window false");
    }
  }

  private RopeParameters rope() {
    JsonNode parameters =
        present("rope_parameters") ? json.get("rope_parameters") : json.path("rope_scaling");
    double theta =
        parameters.hasNonNull("rope_theta")
            ? number(parameters, "rope_theta")
            : present("rope_theta") ? number("rope_theta") : 10_000.0;
    String type = parameters.path("rope_type").asText(parameters.path("type").asText("default"));
    return switch (type) {
      case "default" -> new RopeParameters(theta, null);
      case "llama3" ->
          new RopeParameters(
              theta,
              new RopeParameters.Llama3(
                  number(parameters, "factor"),
                  number(parameters, "low_freq_factor"),
                  number(parameters, "high_freq_factor"),
                  (long) number(parameters, "original_max_position_embeddings")));
      default -> throw unsupported("rope type \"" + type + "\"", "default, llama3");
    };
  }

  private String dtype() {
    String dtype = json.path("dtype").asText(json.path("torch_dtype").asText("float32"));
    if (!DTYPES.contains(dtype)) {
      throw unsupported("dtype \"" + dtype + "\"", "float32, bfloat16, float16");
    }
    return dtype;
  }

  private List<Integer> tokenIds(String key) {
    if (!present(key)) {
      return List.of();
    }
    JsonNode value = json.get(key);
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : value.isArray() ? value : List.of(value)) {
      if (!id.isIntegralNumber() || !id.canConvertToInt()) {
        throw wrongType(key, value, "an integer or an array of integers");
      }
      ids.add(id.intValue());
    }
    return ids;
  }

  private boolean present(String key) {
    return json.hasNonNull(key);
  }

  private int integer(String key) {
    JsonNode value = json.path(key);
    if (!value.isIntegralNumber() || !value.canConvertToInt()) {
      throw wrongType(key, value, "an integer");
    }
    return value.intValue();
  }

  private double number(String key) {
    return number(json, key);
  }

  private double number(JsonNode parent, String key) {
    JsonNode value = parent.path(key);
    if (!value.isNumber()) {
      throw wrongType(key, value, "a number");
    }
    return value.doubleValue();
  }

  private boolean flag(String key, boolean absent) {
    JsonNode value = json.path(key);
    if (value.isMissingNode() || value.isNull()) {
      return absent;
    }
    if (!value.isBoolean()) {
      throw wrongType(key, value, "true or false");
    }
    return value.booleanValue();
  }

  private InputException wrongType(String key, JsonNode found, String expected) {
    return new InputException(
        file
            + ": "
            + key
            + (found.isMissingNode() ? " is missing" : " is " + found)
            + ", expected "
            + expected);
  }

  private InputException unsupported(String found, String supported) {
    return new InputException(file + ": " + found + " is not supported; supported: " + supported);
  }

  static String write(ModelConfig config) {
    ObjectNode json = JSON.createObjectNode();
    json.putArray("architectures").add(config.family().architecture());
    if (config.family() != ModelFamily.QWEN2) {
      json.put("attention_bias", config.outputBias());
    }
    json.put("attention_dropout", 0.0);
    json.put("bos_token_id", config.bosTokenId());
    json.put("dtype", config.dtype());
    putTokenIds(json, "eos_token_id", config.eosTokenIds());
    json.put("head_dim", config.headDim());
    json.put("hidden_act", "silu");
    json.put("hidden_size", config.hiddenSize());
    json.put("initializer_range", config.initializerRange());
    json.put("intermediate_size", config.intermediateSize());
    json.put("max_position_embeddings", config.maxPositionEmbeddings());
    if (config.family() == ModelFamily.LLAMA) {
      json.put("mlp_bias", config.mlpBias());
    }
    json.put("model_type", config.family().modelType());
    json.put("num_attention_heads", config.heads());
    json.put("num_hidden_layers", config.layers());
    json.put("num_key_value_heads", config.keyValueHeads());
    json.put("pad_token_id", config.padTokenId());
    json.put("rms_norm_eps", config.rmsNormEps());
    putRope(json, config.rope());
    json.put("tie_word_embeddings", config.tieWordEmbeddings());
    json.put("torch_dtype", config.dtype());
    json.put("use_cache", true);
    if (config.family() != ModelFamily.LLAMA) {
      json.put("use_sliding_window", false);
    }
    json.put("vocab_size", config.vocabSize());
    return json.toPrettyString() + "\n";
  }

  /** transformers 5 reads rope_parameters, 4 reads rope_theta and rope_scaling. */
  private static void putRope(ObjectNode json, RopeParameters rope) {
    ObjectNode parameters = json.putObject("rope_parameters");
    if (rope.scaling() == null) {
      parameters.put("rope_type", "default");
      json.putNull("rope_scaling");
    } else {
      parameters.put("rope_type", "llama3");
      parameters.put("factor", rope.scaling().factor());
      parameters.put("low_freq_factor", rope.scaling().lowFreqFactor());
      parameters.put("high_freq_factor", rope.scaling().highFreqFactor());
      parameters.put(
          "original_max_position_embeddings", rope.scaling().originalMaxPositionEmbeddings());
      json.set("rope_scaling", parameters.deepCopy());
    }
    parameters.put("rope_theta", rope.theta());
    json.put("rope_theta", rope.theta());
  }

  static void putTokenIds(ObjectNode json, String key, List<Integer> ids) {
    if (ids.isEmpty()) {
      json.putNull(key);
    } else if (ids.size() == 1) {
      json.put(key, ids.get(0));
    } else {
      ArrayNode array = json.putArray(key);
      ids.forEach(array::add);
    }
  }
}
