package org.rlkd.engine.model;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The decoder families that {@link CausalLm} computes; each is one architecture of transformers.
 */
public enum ModelFamily {
  /** Qwen2 and Qwen2.5: biases on the query, key and value projections. */
  QWEN2("Qwen2ForCausalLM", "qwen2"),
  /** Qwen3: RMS norm of every query and key head. */
  QWEN3("Qwen3ForCausalLM", "qwen3"),
  /** Llama 2 and 3 and models of the same layout (SmolLM2, TinyLlama). */
  LLAMA("LlamaForCausalLM", "llama");

  private final String architecture;
  private final String modelType;

  ModelFamily(String architecture, String modelType) {
    this.architecture = architecture;
    this.modelType = modelType;
  }

  /** The class name in {@code architectures} of config.json. */
  public String architecture() {
    return architecture;
  }

  /** {@code model_type} of config.json. */
  public String modelType() {
    return modelType;
  }

  static Optional<ModelFamily> ofArchitecture(String architecture) {
    return Arrays.stream(values()).filter(f -> f.architecture.equals(architecture)).findFirst();
  }

  static Optional<ModelFamily> ofModelType(String modelType) {
    return Arrays.stream(values()).filter(f -> f.modelType.equals(modelType)).findFirst();
  }

  /** The architectures that can be loaded, for messages. */
  static String supported() {
    return Arrays.stream(values()).map(ModelFamily::architecture).collect(Collectors.joining(", "));
  }
}
