package org.rlkd.engine.model;

import java.util.LinkedHashMap;
import java.util.Map;

/** Names and shapes of a model's parameters, as {@code named_parameters()} of transformers. */
public final class ParameterShapes {
  static final String EMBEDDING = "model.embed_tokens.weight";
  static final String FINAL_NORM = "model.norm.weight";
  static final String HEAD = "lm_head.weight";

  private final Map<String, long[]> shapes = new LinkedHashMap<>();

  private ParameterShapes() {}

  /** Insertion-ordered; a tied head is not listed. */
  public static Map<String, long[]> of(ModelConfig config) {
    ParameterShapes result = new ParameterShapes();
    long hidden = config.hiddenSize();
    long intermediate = config.intermediateSize();
    long queryWidth = (long) config.heads() * config.headDim();
    long keyWidth = (long) config.keyValueHeads() * config.headDim();
    result.shapes.put(EMBEDDING, new long[] {config.vocabSize(), hidden});
    for (int i = 0; i < config.layers(); i++) {
      String attention = layer(i) + "self_attn.";
      result.linear(attention + "q_proj", queryWidth, hidden, config.queryKeyValueBias());
      result.linear(attention + "k_proj", keyWidth, hidden, config.queryKeyValueBias());
      result.linear(attention + "v_proj", keyWidth, hidden, config.queryKeyValueBias());
      result.linear(attention + "o_proj", hidden, queryWidth, config.outputBias());
      if (config.family() == ModelFamily.QWEN3) {
        result.shapes.put(attention + "q_norm.weight", new long[] {config.headDim()});
        result.shapes.put(attention + "k_norm.weight", new long[] {config.headDim()});
      }
      String mlp = layer(i) + "mlp.";
      result.linear(mlp + "gate_proj", intermediate, hidden, config.mlpBias());
      result.linear(mlp + "up_proj", intermediate, hidden, config.mlpBias());
      result.linear(mlp + "down_proj", hidden, intermediate, config.mlpBias());
      result.shapes.put(layer(i) + "input_layernorm.weight", new long[] {hidden});
      result.shapes.put(layer(i) + "post_attention_layernorm.weight", new long[] {hidden});
    }
    result.shapes.put(FINAL_NORM, new long[] {hidden});
    if (!config.tieWordEmbeddings()) {
      result.shapes.put(HEAD, new long[] {config.vocabSize(), hidden});
    }
    return result.shapes;
  }

  /** What the names of a layer's parameters begin with. */
  public static String layer(int index) {
    return "model.layers." + index + ".";
  }

  private void linear(String name, long out, long in, boolean bias) {
    shapes.put(name + ".weight", new long[] {out, in});
    if (bias) {
      shapes.put(name + ".bias", new long[] {out});
    }
  }
}
