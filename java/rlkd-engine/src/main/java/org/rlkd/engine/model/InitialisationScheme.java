package org.rlkd.engine.model;

/** Standard deviation of freshly drawn weight matrices; norms start at 1 and biases at 0. */
public enum InitialisationScheme {
  /** {@code initializer_range} for every matrix, as transformers does. */
  TRANSFORMERS {
    @Override
    double deviation(String name, long[] shape, ModelConfig config) {
      return config.initializerRange();
    }
  },
  /**
   * Unit variance through the network: embeddings 1, a matrix with n inputs 1/sqrt(n), those that
   * write into the residual stream divided by sqrt(2 layers) (Radford et al. 2019), an untied head
   * {@code initializer_range}. Small models learn to bind names to values with it in a fraction of
   * the steps.
   */
  FAN_IN {
    @Override
    double deviation(String name, long[] shape, ModelConfig config) {
      if (name.equals(ParameterShapes.HEAD)) {
        return config.initializerRange();
      }
      if (name.equals(ParameterShapes.EMBEDDING)) {
        return 1;
      }
      boolean residual = name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight");
      return Math.sqrt(1.0 / shape[1] / (residual ? 2.0 * config.layers() : 1));
    }
  };

  abstract double deviation(String name, long[] shape, ModelConfig config);
}
