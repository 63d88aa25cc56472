package org.rlkd.core.config;

import java.util.Optional;

/**
 * What a run may use ({@code rlkd.device}, {@code rlkd.threads}, {@code rlkd.memory}, {@code
 * gradient_checkpointing}).
 *
 * @param device where models run
 * @param threads CPU threads; 0: all cores
 * @param logprobTileMib most memory for a tile of logits in MiB
 * @param gradientCheckpointing whether layers are computed again in the backward pass
 * @param memoryBudget bytes of memory that the run may have; empty: no limit
 */
public record MachineConfig(
    DeviceSpec device,
    int threads,
    int logprobTileMib,
    boolean gradientCheckpointing,
    Optional<Long> memoryBudget) {

  static MachineConfig read(Values values) {
    return new MachineConfig(
        values.get(TrainingKeys.DEVICE),
        values.get(TrainingKeys.THREADS),
        values.get(TrainingKeys.LOGPROB_TILE_MIB),
        values.get(TrainingKeys.GRADIENT_CHECKPOINTING),
        memoryBudget(values));
  }

  /** The budget counts the memory of this process; a GPU's is not among it. */
  private static Optional<Long> memoryBudget(Values values) {
    Optional<Long> budget = values.get(TrainingKeys.MEMORY_BUDGET);
    if (budget.isPresent() && values.get(TrainingKeys.DEVICE).kind() != DeviceSpec.Kind.CPU) {
      values.complain(
          TrainingKeys.MEMORY_BUDGET,
          "it plans the memory of the CPU alone; leave it out with rlkd.device: cuda");
    }
    return budget;
  }
}
