package org.rlkd.core.config;

/**
 * What a run may use ({@code rlkd.device}, {@code rlkd.threads}, {@code rlkd.memory}, {@code
 * gradient_checkpointing}).
 *
 * @param device where models run
 * @param threads CPU threads; 0: all cores
 * @param logprobTileMib memory for a tile of logits in MiB
 * @param gradientCheckpointing whether layers are computed again in the backward pass
 */
public record MachineConfig(
    DeviceSpec device, int threads, int logprobTileMib, boolean gradientCheckpointing) {

  static MachineConfig read(Values values) {
    return new MachineConfig(
        values.get(TrainingKeys.DEVICE),
        values.get(TrainingKeys.THREADS),
        values.get(TrainingKeys.LOGPROB_TILE_MIB),
        values.get(TrainingKeys.GRADIENT_CHECKPOINTING));
  }
}
