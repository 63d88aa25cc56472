package org.rlkd.engine.training;

import org.rlkd.core.UsageException;
import org.rlkd.core.config.OptimizerConfig;

/**
 * Options of {@link AdamW}, by the names and defaults of transformers' TrainingArguments.
 *
 * @param beta1 {@code adam_beta1}
 * @param beta2 {@code adam_beta2}
 * @param epsilon {@code adam_epsilon}
 * @param weightDecay {@code weight_decay}, decoupled; not for biases and norms
 * @param maxGradNorm {@code max_grad_norm}; 0 = no clipping
 */
public record AdamWOptions(
    double beta1, double beta2, double epsilon, double weightDecay, double maxGradNorm) {
  public static final AdamWOptions DEFAULT = new AdamWOptions(0.9, 0.999, 1e-8, 0, 1);

  public AdamWOptions {
    check(beta1 >= 0 && beta1 < 1, "adam_beta1", beta1, "in [0, 1)");
    check(beta2 >= 0 && beta2 < 1, "adam_beta2", beta2, "in [0, 1)");
    check(epsilon > 0, "adam_epsilon", epsilon, "greater than 0");
    check(weightDecay >= 0, "weight_decay", weightDecay, "at least 0");
    check(maxGradNorm >= 0, "max_grad_norm", maxGradNorm, "at least 0 (0 = no clipping)");
  }

  /** The options of a configuration. */
  public static AdamWOptions of(OptimizerConfig config) {
    return new AdamWOptions(
        config.beta1(),
        config.beta2(),
        config.epsilon(),
        config.weightDecay(),
        config.maxGradNorm());
  }

  public AdamWOptions withBetas(double beta1, double beta2) {
    return new AdamWOptions(beta1, beta2, epsilon, weightDecay, maxGradNorm);
  }

  public AdamWOptions withWeightDecay(double value) {
    return new AdamWOptions(beta1, beta2, epsilon, value, maxGradNorm);
  }

  public AdamWOptions withMaxGradNorm(double value) {
    return new AdamWOptions(beta1, beta2, epsilon, weightDecay, value);
  }

  private static void check(boolean valid, String name, double found, String expected) {
    if (!valid) {
      throw new UsageException(name + ": found " + found + ", expected " + expected);
    }
  }
}
