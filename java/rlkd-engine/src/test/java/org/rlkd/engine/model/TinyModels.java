package org.rlkd.engine.model;

import java.util.List;

/** Small configurations for tests. */
public final class TinyModels {
  private TinyModels() {}

  /** V 50, H 32, 2 layers, 4 query heads of width 8 over 2 key/value heads, tied. */
  public static ModelConfig config(ModelFamily family) {
    return new ModelConfig(
        family,
        50,
        32,
        48,
        2,
        4,
        2,
        8,
        1e-6,
        new RopeParameters(10_000, null),
        family == ModelFamily.QWEN2,
        false,
        false,
        true,
        512,
        0.1,
        1,
        List.of(2),
        0,
        "float32");
  }
}
