package org.rlkd.engine.generation;

import java.util.List;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.RopeParameters;

/** Small random models of every family. */
final class TinyModels {
  static final int VOCAB = 97;
  static final int MAX_POSITIONS = 96;

  private TinyModels() {}

  /**
   * Grouped heads, a head width that is no multiple of 16, weights large enough for distinct
   * probabilities.
   */
  static CausalLm of(ModelFamily family) {
    return of(family, MAX_POSITIONS);
  }

  static CausalLm of(ModelFamily family, int maxPositions) {
    return CausalLm.initialise(config(family, maxPositions), 5);
  }

  private static ModelConfig config(ModelFamily family, int maxPositions) {
    return new ModelConfig(
        family,
        VOCAB,
        48,
        96,
        3,
        6,
        2,
        24,
        1e-6,
        new RopeParameters(10000, null),
        family == ModelFamily.QWEN2,
        false,
        false,
        family == ModelFamily.LLAMA,
        maxPositions,
        0.15,
        null,
        List.of(2),
        null,
        "float32");
  }
}
