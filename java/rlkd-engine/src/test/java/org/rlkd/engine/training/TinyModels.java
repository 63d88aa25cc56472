package org.rlkd.engine.training;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GenerationConfig;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.RopeParameters;
import org.rlkd.engine.tensor.HostArrays;

/** Freshly initialised Qwen2 models that train in milliseconds, and data for them. */
final class TinyModels {
  static final int VOCAB = 40;
  static final int HIDDEN = 32;

  private TinyModels() {}

  /** Two layers, hidden 32, 40 tokens, tied. */
  static CausalLm qwen2(long seed) {
    return CausalLm.initialise(config(VOCAB, HIDDEN, 2), seed);
  }

  /** A tied Qwen2 of any size with heads of width 16. */
  static ModelConfig config(int vocab, int hidden, int layers) {
    return new ModelConfig(
        ModelFamily.QWEN2,
        vocab,
        hidden,
        3 * hidden,
        layers,
        hidden / 16,
        Math.max(1, hidden / 32),
        16,
        1e-6,
        new RopeParameters(10000, null),
        true,
        false,
        false,
        true,
        4096,
        0.02,
        null,
        List.of(0),
        null,
        "float32");
  }

  static GenerationConfig generationConfig() {
    return GenerationConfig.of(config(VOCAB, HIDDEN, 2));
  }

  /** Sequences of 6 to 13 tokens that count upwards from some number, modulo 37, above 3. */
  static List<TrainingSequence> counting(int count) {
    List<TrainingSequence> sequences = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] completion = new int[4 + i % 8];
      for (int t = 0; t < completion.length; t++) {
        completion[t] = 3 + (i + t + 2) % 37;
      }
      sequences.add(TrainingSequence.of(new int[] {3 + i % 37, 3 + (i + 1) % 37}, completion));
    }
    return sequences;
  }

  /** All weights in the model's order. */
  static float[] weights(CausalLm model) {
    try (PointerScope scope = new PointerScope()) {
      List<float[]> parts =
          model.parameters().values().stream().map((Tensor t) -> HostArrays.toFloats(t)).toList();
      float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
      int at = 0;
      for (float[] part : parts) {
        System.arraycopy(part, 0, all, at, part.length);
        at += part.length;
      }
      return all;
    }
  }
}
