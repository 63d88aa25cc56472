package org.rlkd.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rlkd.core.InputException;

class ModelConfigTest {
  private static final String QWEN2 =
      """
      {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 151936,
       "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
       "num_attention_heads": 14, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
       "rope_theta": 1000000.0, "max_position_embeddings": 32768, "max_window_layers": 21,
       "sliding_window": 32768, "use_sliding_window": false, "tie_word_embeddings": true,
       "hidden_act": "silu", "bos_token_id": 151643, "eos_token_id": 151645,
       "initializer_range": 0.02, "attention_dropout": 0.0, "torch_dtype": "bfloat16"}
      """;

  @TempDir Path directory;

  private ModelConfig read(String json) throws IOException {
    return ModelConfig.read(Files.writeString(directory.resolve("config.json"), json));
  }

  /** {@link #QWEN2} with one key changed; a value of "absent" removes it. */
  private static String with(String key, String value) throws IOException {
    JsonMapper json = new JsonMapper();
    ObjectNode config = (ObjectNode) json.readTree(QWEN2);
    if (value.equals("absent")) {
      config.remove(key);
    } else {
      JsonNode node = json.readTree(value);
      config.set(key, node);
    }
    return config.toString();
  }

  @Test
  void theConfigOfQwen25ReadsWithItsDefaults() throws IOException {
    ModelConfig config = read(QWEN2);
    assertThat(config.family()).isEqualTo(ModelFamily.QWEN2);
    assertThat(config.headDim()).isEqualTo(64);
    assertThat(config.queryKeyValueBias()).isTrue();
    assertThat(config.outputBias()).isFalse();
    assertThat(config.rope()).isEqualTo(new RopeParameters(1_000_000, null));
    assertThat(config.eosTokenIds()).containsExactly(151645);
    assertThat(config.padTokenId()).isNull();
    assertThat(config.dtype()).isEqualTo("bfloat16");
  }

  @Test
  void aDirectoryWithoutArchitecturesIsKnownByItsModelType() throws IOException {
    assertThat(read(with("architectures", "absent")).family()).isEqualTo(ModelFamily.QWEN2);
  }

  @Test
  void aWindowThatNoLayerUsesIsNoReasonToRefuse() throws IOException {
    ObjectNode json = (ObjectNode) new JsonMapper().readTree(QWEN2);
    json.put("use_sliding_window", true).put("max_window_layers", 24);
    assertThat(read(json.toString())).isEqualTo(read(QWEN2));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          architectures | ["MixtralForCausalLM"] | architecture MixtralForCausalLM is not supported; supported: Qwen2ForCausalLM, Qwen3ForCausalLM, LlamaForCausalLM
          architectures | ["Qwen2ForSequenceClassification"] | architecture Qwen2ForSequenceClassification is not supported
          hidden_act | "gelu" | hidden_act "gelu" is not supported; supported: silu
          use_sliding_window | true | sliding_window 32768 is not supported
          layer_types | ["full_attention", "sliding_attention"] | layer_types entry "sliding_attention" is not supported
          rope_scaling | {"type": "yarn", "factor": 4.0} | rope type "yarn" is not supported; supported: default, llama3
          rope_parameters | {"rope_type": "dynamic", "rope_theta": 1.0} | rope type "dynamic" is not supported
          rope_scaling | {"rope_type": "llama3", "factor": 8.0} | low_freq_factor is missing, expected a number
          attention_dropout | 0.1 | attention_dropout 0.1 is not supported
          partial_rotary_factor | 0.5 | partial_rotary_factor 0.5 is not supported
          quantization_config | {"bits": 4} | quantization_config is not supported
          torch_dtype | "float8_e4m3fn" | dtype "float8_e4m3fn" is not supported
          hidden_size | absent | hidden_size is missing, expected an integer
          vocab_size | "many" | vocab_size is "many", expected an integer
          eos_token_id | [1, "two"] | eos_token_id is [1,"two"], expected an integer or an array of integers
          tie_word_embeddings | 1 | tie_word_embeddings is 1, expected true or false
          num_key_value_heads | 3 | num_attention_heads 14 is no multiple of num_key_value_heads 3
          head_dim | 63 | head_dim 63 is odd
          num_attention_heads | 0 | num_attention_heads 0 is not above 0
          """)
  void whatCannotBeComputedIsRefusedByName(String key, String value, String message) {
    assertThatThrownBy(() -> read(with(key, value)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(directory.resolve("config.json").toString())
        .hasMessageContaining(message);
  }

  @Test
  void aMissingOrMalformedFileIsNamed() {
    assertThatThrownBy(() -> ModelConfig.read(directory.resolve("absent.json")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("absent.json does not exist");
    assertThatThrownBy(() -> read("{\"vocab_size\": "))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("config.json is not JSON");
  }
}
