package org.rlkd.engine.generation;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.TensorView;

/**
 * Keys and values of every layer, float32, in blocks of {@value #BLOCK_SIZE} tokens.
 *
 * <pre>
 * keys, values of a layer   [blocks, BLOCK_SIZE, keyValueHeads, headDim]
 * slot of a token           block * BLOCK_SIZE + place in the block
 * </pre>
 *
 * <p>The tensors belong to the PointerScope that is open while the cache is made. The memory starts
 * undefined; the operating system provides a page when it is first written.
 */
final class KvCache {
  static final int BLOCK_SIZE = 16;

  private record Layer(
      Tensor keys,
      Tensor values,
      Tensor keySlots,
      Tensor valueSlots,
      rlkd_tensor keyView,
      rlkd_tensor valueView,
      rlkd_tensor keySlotView,
      rlkd_tensor valueSlotView) {
    static Layer of(long blocks, long keyValueHeads, long headDim, Device device) {
      long[] shape = {blocks, BLOCK_SIZE, keyValueHeads, headDim};
      Tensor keys = device.empty(device.weightType(), shape);
      Tensor values = device.empty(device.weightType(), shape);
      long slots = blocks * BLOCK_SIZE;
      return new Layer(
          keys,
          values,
          keys.view(slots, keyValueHeads, headDim),
          values.view(slots, keyValueHeads, headDim),
          TensorView.of(keys),
          TensorView.of(values),
          TensorView.of(keys.view(slots, keyValueHeads * headDim)),
          TensorView.of(values.view(slots, keyValueHeads * headDim)));
    }
  }

  private final List<Layer> layers = new ArrayList<>();

  KvCache(ModelConfig config, int blocks, Device device) {
    for (int i = 0; i < config.layers(); i++) {
      layers.add(Layer.of(blocks, config.keyValueHeads(), config.headDim(), device));
    }
  }

  /** Blocks that hold {@code tokens} tokens. */
  static int blocksFor(int tokens) {
    return (tokens + BLOCK_SIZE - 1) / BLOCK_SIZE;
  }

  /** Bytes of one block over all layers, keys and values. */
  static long blockBytes(ModelConfig config, Device device) {
    return 2L
        * config.layers()
        * BLOCK_SIZE
        * config.keyValueHeads()
        * config.headDim()
        * torch.elementSize(device.weightType());
  }

  /**
   * Stores new keys and values.
   *
   * @param slots [n] int64, one slot a token
   * @param keys [n, keyValueHeads, headDim]
   * @param values same shape
   */
  void write(int layer, Tensor slots, Tensor keys, Tensor values) {
    layers.get(layer).keySlots().index_copy_(0, slots, keys);
    layers.get(layer).valueSlots().index_copy_(0, slots, values);
  }

  /**
   * Copies whole blocks in every layer.
   *
   * @param from [n] int64 block numbers
   * @param to [n] int64 block numbers, none of them in {@code from}
   */
  void copyBlocks(Tensor from, Tensor to) {
    for (Layer layer : layers) {
      layer.keys().index_copy_(0, to, layer.keys().index_select(0, from));
      layer.values().index_copy_(0, to, layer.values().index_select(0, from));
    }
  }

  rlkd_tensor keys(int layer) {
    return layers.get(layer).keyView();
  }

  rlkd_tensor values(int layer) {
    return layers.get(layer).valueView();
  }

  /** [slots, keyValueHeads * headDim]. */
  rlkd_tensor keySlots(int layer) {
    return layers.get(layer).keySlotView();
  }

  /** [slots, keyValueHeads * headDim]. */
  rlkd_tensor valueSlots(int layer) {
    return layers.get(layer).valueSlotView();
  }
}
