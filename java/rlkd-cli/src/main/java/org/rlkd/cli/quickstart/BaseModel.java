package org.rlkd.cli.quickstart;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rlkd.core.InputException;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GenerationConfig;
import org.rlkd.engine.model.InitialisationScheme;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.SaveOptions;

/**
 * A tiny Qwen2 with random weights, as a Hugging Face directory with tokenizer.
 *
 * @param hidden width
 * @param layers number of decoder layers
 * @param heads query heads
 * @param keyValueHeads key/value heads
 * @param intermediate width of the MLP
 */
record BaseModel(int hidden, int layers, int heads, int keyValueHeads, int intermediate) {
  /** The student. */
  static final BaseModel STUDENT = new BaseModel(64, 3, 4, 2, 192);

  /** The decomposer, whose task is easier. */
  static final BaseModel DECOMPOSER = new BaseModel(64, 2, 4, 2, 192);

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Writes the directory. */
  void write(Path directory, Vocabulary vocabulary, long seed) {
    try {
      Path config = Files.createTempFile("rlkd-config", ".json");
      try {
        Files.writeString(config, config(vocabulary).toString());
        ModelConfig modelConfig = ModelConfig.read(config);
        try (CausalLm model = CausalLm.initialise(modelConfig, seed, InitialisationScheme.FAN_IN)) {
          ModelDirectory.save(
              directory,
              model,
              GenerationConfig.of(modelConfig),
              SaveOptions.FLOAT32,
              target -> writeTokenizer(target, vocabulary));
        }
      } finally {
        Files.delete(config);
      }
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(directory, e), e);
    }
  }

  private ObjectNode config(Vocabulary vocabulary) {
    ObjectNode config = JSON.createObjectNode();
    config.putArray("architectures").add("Qwen2ForCausalLM");
    config.put("model_type", "qwen2");
    config.put("vocab_size", vocabulary.tokens().size());
    config.put("hidden_size", hidden);
    config.put("num_hidden_layers", layers);
    config.put("num_attention_heads", heads);
    config.put("num_key_value_heads", keyValueHeads);
    config.put("intermediate_size", intermediate);
    config.put("hidden_act", "silu");
    config.put("rms_norm_eps", 1e-6);
    config.put("rope_theta", 10_000.0);
    config.put("max_position_embeddings", 512);
    config.put("initializer_range", 0.02);
    config.put("tie_word_embeddings", false);
    config.put("eos_token_id", vocabulary.tokens().indexOf(Vocabulary.EOS));
    config.put("pad_token_id", vocabulary.tokens().indexOf(Vocabulary.PAD));
    return config;
  }

  private static void writeTokenizer(Path directory, Vocabulary vocabulary) {
    ObjectNode config = JSON.createObjectNode();
    config.put("tokenizer_class", "PreTrainedTokenizerFast");
    config.put("eos_token", Vocabulary.EOS);
    config.put("pad_token", Vocabulary.PAD);
    config.put("unk_token", Vocabulary.UNKNOWN);
    config.put("clean_up_tokenization_spaces", false);
    config.put("model_max_length", 512);
    try {
      Files.writeString(directory.resolve("tokenizer.json"), vocabulary.tokenizerJson());
      Files.writeString(directory.resolve("tokenizer_config.json"), config.toPrettyString() + "\n");
    } catch (IOException e) {
      throw new InputException("%s cannot be written: %s".formatted(directory, e), e);
    }
  }
}
