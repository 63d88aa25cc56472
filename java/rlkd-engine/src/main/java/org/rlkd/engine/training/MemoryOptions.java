package org.rlkd.engine.training;

import org.rlkd.core.UsageException;
import org.rlkd.core.config.MachineConfig;

/**
 * What an update may hold in memory besides weights, gradients and optimizer state. The result of a
 * step does not depend on it but for rounding.
 *
 * @param logits bytes for one tile of logits
 * @param activations bytes for what the backward pass needs of the forward pass: a micro-batch goes
 *     through the network in as many parts as that takes
 * @param gradientCheckpointing whether layers are computed again in the backward pass instead of
 *     being kept ({@code gradient_checkpointing})
 */
public record MemoryOptions(long logits, long activations, boolean gradientCheckpointing) {
  /** 256 MiB of logits, 2 GiB of activations, nothing computed twice. */
  public static final MemoryOptions DEFAULT =
      new MemoryOptions(StreamingLogprob.DEFAULT_BUDGET, 2L << 30, false);

  public MemoryOptions {
    check(logits > 0, "memory for logits", logits);
    check(activations > 0, "memory for activations", activations);
  }

  /** The options of a configuration. */
  public static MemoryOptions of(MachineConfig machine) {
    return DEFAULT
        .withLogits((long) machine.logprobTileMib() << 20)
        .withGradientCheckpointing(machine.gradientCheckpointing());
  }

  public MemoryOptions withLogits(long value) {
    return new MemoryOptions(value, activations, gradientCheckpointing);
  }

  public MemoryOptions withActivations(long value) {
    return new MemoryOptions(logits, value, gradientCheckpointing);
  }

  public MemoryOptions withGradientCheckpointing(boolean value) {
    return new MemoryOptions(logits, activations, value);
  }

  private static void check(boolean valid, String name, long found) {
    if (!valid) {
      throw new UsageException(name + ": found " + found + ", expected greater than 0 bytes");
    }
  }
}
