package org.rlkd.engine.model;

import java.nio.file.Path;
import java.util.List;

/**
 * Shape and options of a decoder model: what config.json of a Hugging Face directory says.
 *
 * <p>Reading accepts the key names of transformers 4 ({@code rope_theta}, {@code rope_scaling},
 * {@code torch_dtype}) and 5 ({@code rope_parameters}, {@code dtype}); writing writes both. A
 * feature that {@link CausalLm} does not compute is refused by name.
 *
 * @param family architecture
 * @param vocabSize V, rows of the embedding and of the head
 * @param hiddenSize H
 * @param intermediateSize width of the MLP
 * @param layers number of decoder layers
 * @param heads query heads
 * @param keyValueHeads key/value heads, a divisor of {@code heads}
 * @param headDim D, width of one head; even
 * @param rmsNormEps added to the mean square
 * @param rope rotary embedding
 * @param queryKeyValueBias whether q_proj, k_proj and v_proj have a bias
 * @param outputBias whether o_proj has a bias
 * @param mlpBias whether gate_proj, up_proj and down_proj have a bias
 * @param tieWordEmbeddings whether the head is the embedding
 * @param maxPositionEmbeddings longest sequence the model is meant for
 * @param initializerRange standard deviation of freshly initialised weights
 * @param bosTokenId beginning of sequence; null if none
 * @param eosTokenIds tokens that end a generation; possibly empty
 * @param padTokenId padding; null if none
 * @param dtype dtype of the stored weights as config.json names it: float32, bfloat16 or float16
 */
public record ModelConfig(
    ModelFamily family,
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int keyValueHeads,
    int headDim,
    double rmsNormEps,
    RopeParameters rope,
    boolean queryKeyValueBias,
    boolean outputBias,
    boolean mlpBias,
    boolean tieWordEmbeddings,
    int maxPositionEmbeddings,
    double initializerRange,
    Integer bosTokenId,
    List<Integer> eosTokenIds,
    Integer padTokenId,
    String dtype) {

  public ModelConfig {
    eosTokenIds = List.copyOf(eosTokenIds);
    requirePositive("vocab_size", vocabSize);
    requirePositive("hidden_size", hiddenSize);
    requirePositive("intermediate_size", intermediateSize);
    requirePositive("num_hidden_layers", layers);
    requirePositive("num_attention_heads", heads);
    requirePositive("num_key_value_heads", keyValueHeads);
    requirePositive("head_dim", headDim);
    requirePositive("max_position_embeddings", maxPositionEmbeddings);
    if (heads % keyValueHeads != 0) {
      throw new IllegalArgumentException(
          "num_attention_heads "
              + heads
              + " is no multiple of num_key_value_heads "
              + keyValueHeads);
    }
    if (headDim % 2 != 0) {
      throw new IllegalArgumentException(
          "head_dim " + headDim + " is odd; rotary embeddings need an even width");
    }
    if (!(rmsNormEps > 0)) {
      throw new IllegalArgumentException("rms_norm_eps " + rmsNormEps + " is not above 0");
    }
    if (!(rope.theta() > 0)) {
      throw new IllegalArgumentException("rope_theta " + rope.theta() + " is not above 0");
    }
  }

  private static void requirePositive(String key, int value) {
    if (value <= 0) {
      throw new IllegalArgumentException(key + " " + value + " is not above 0");
    }
  }

  /**
   * Reads config.json.
   *
   * @throws org.rlkd.core.InputException if the file is missing or malformed, a key is missing or
   *     out of range, the architecture is unknown, or a feature in use is not supported
   */
  public static ModelConfig read(Path file) {
    return ModelConfigJson.read(file);
  }

  /** The text of a config.json that transformers 4 and 5 load, weights stored as {@code dtype}. */
  public String toJson() {
    return ModelConfigJson.write(this);
  }

  /** The same model with its weights stored as {@code dtype}. */
  public ModelConfig withDtype(String dtype) {
    return new ModelConfig(
        family,
        vocabSize,
        hiddenSize,
        intermediateSize,
        layers,
        heads,
        keyValueHeads,
        headDim,
        rmsNormEps,
        rope,
        queryKeyValueBias,
        outputBias,
        mlpBias,
        tieWordEmbeddings,
        maxPositionEmbeddings,
        initializerRange,
        bosTokenId,
        eosTokenIds,
        padTokenId,
        dtype);
  }
}
