package org.rlkd.engine.memory;

import org.rlkd.core.UsageException;
import org.rlkd.core.config.MachineConfig;

/**
 * What an update may hold in memory besides weights, gradients and optimizer state. The result of a
 * step does not depend on it but for rounding.
 *
 * @param logits bytes for one tile of logits
 * @param tokens that go through the network at once, unless a single sequence has more: a
 *     micro-batch is computed in as many parts as that takes
 * @param gradientCheckpointing whether layers are computed again in the backward pass instead of
 *     being kept ({@code gradient_checkpointing})
 */
public record MemoryOptions(long logits, long tokens, boolean gradientCheckpointing) {
  /** 256 MiB of logits, 1,024 tokens, nothing computed twice. */
  public static final MemoryOptions DEFAULT = new MemoryOptions(256L << 20, 1024, false);

  public MemoryOptions {
    check(logits > 0, "memory for logits", logits);
    check(tokens > 0, "tokens at once", tokens);
  }

  /** What a configuration asks for. */
  public static MemoryOptions of(MachineConfig machine) {
    return DEFAULT
        .withLogits((long) machine.logprobTileMib() << 20)
        .withGradientCheckpointing(machine.gradientCheckpointing());
  }

  public MemoryOptions withLogits(long value) {
    return new MemoryOptions(value, tokens, gradientCheckpointing);
  }

  public MemoryOptions withTokens(long value) {
    return new MemoryOptions(logits, value, gradientCheckpointing);
  }

  /**
   * Room for at least twice a prompt: a part computes a prompt once, so beside a long one there is
   * as much for its completions.
   */
  public MemoryOptions withRoomForPrompt(long promptTokens) {
    return withTokens(Math.max(tokens, 2 * promptTokens));
  }

  public MemoryOptions withGradientCheckpointing(boolean value) {
    return new MemoryOptions(logits, tokens, value);
  }

  private static void check(boolean valid, String name, long found) {
    if (!valid) {
      throw new UsageException(name + ": found " + found + ", expected greater than 0");
    }
  }
}
