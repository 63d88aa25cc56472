package org.rlkd.engine.memory;

import java.util.Map;
import java.util.Optional;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.ParameterShapes;

/**
 * Bytes that training a model takes, in float32, by its configuration alone.
 *
 * @param weights of the model, and of its adapter with LoRA
 * @param trained of them, those that are trained: gradients take as much, optimizer state twice
 *     that
 * @param keptByLayer of one token, what autograd keeps of one layer for the backward pass
 * @param layerInput of one token, a layer's input
 * @param layers of the model
 * @param headRow of one row of logits
 */
public record ModelMemory(
    long weights, long trained, long keptByLayer, long layerInput, int layers, long headRow) {

  /**
   * The sizes for a configuration.
   *
   * @param lora the adapter, or empty: all weights are trained
   */
  public static ModelMemory of(ModelConfig config, Optional<LoraConfig> lora) {
    Map<String, long[]> shapes = ParameterShapes.of(config);
    long base = 0;
    long adapter = 0;
    for (Map.Entry<String, long[]> parameter : shapes.entrySet()) {
      long[] shape = parameter.getValue();
      base += shape.length == 2 ? shape[0] * shape[1] : shape[0];
      if (lora.isPresent() && isAdapted(parameter.getKey(), lora.get())) {
        adapter += lora.get().rank() * (shape[0] + shape[1]);
      }
    }
    return new ModelMemory(
        Float.BYTES * (base + adapter),
        Float.BYTES * (lora.isPresent() ? adapter : base),
        Float.BYTES * keptByLayer(config, shapes, lora),
        (long) Float.BYTES * config.hiddenSize(),
        config.layers(),
        (long) Float.BYTES * config.vocabSize());
  }

  /**
   * Numbers of one token that autograd keeps of one layer: of the two norms input, normed input and
   * output; rotated queries and keys, values, attention's output by sequence and for the batch;
   * before head norms the projections and what they are normed to; gate, its activation, up and
   * their product. Frozen weights need no inputs for their gradients; an adapted projection keeps
   * its input, or the kept part of it and the mask of the dropout.
   */
  private static long keptByLayer(
      ModelConfig config, Map<String, long[]> shapes, Optional<LoraConfig> lora) {
    long hidden = config.hiddenSize();
    long intermediate = config.intermediateSize();
    long query = (long) config.heads() * config.headDim();
    long key = (long) config.keyValueHeads() * config.headDim();
    long kept = 3 * query + 2 * key + (lora.isPresent() ? 2 * hidden : 6 * hidden);
    kept += config.family() == ModelFamily.QWEN3 ? 2 * (query + key) : 0;
    kept += lora.isPresent() ? 3 * intermediate : 4 * intermediate;
    if (lora.isPresent()) {
      String layer = ParameterShapes.layer(0);
      for (Map.Entry<String, long[]> parameter : shapes.entrySet()) {
        if (parameter.getKey().startsWith(layer) && isAdapted(parameter.getKey(), lora.get())) {
          kept += parameter.getValue()[1] * (lora.get().dropout() > 0 ? 2 : 1) + lora.get().rank();
        }
      }
    }
    return kept;
  }

  private static boolean isAdapted(String parameter, LoraConfig lora) {
    return parameter.endsWith("_proj.weight")
        && lora.targets(parameter.substring(0, parameter.length() - ".weight".length()));
  }

  /**
   * Bytes of one token in the update besides logits: what the backward pass needs of all layers and
   * of the final norm, and the temporaries of the layer that is computed.
   */
  public long activations(boolean gradientCheckpointing) {
    long all = gradientCheckpointing ? layers * layerInput : layers * keptByLayer;
    return all + keptByLayer + 8 * layerInput;
  }
}
