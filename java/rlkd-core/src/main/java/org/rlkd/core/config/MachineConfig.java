package org.rlkd.core.config;

/**
 * What a run may use ({@code rlkd.device}, {@code rlkd.threads}, {@code rlkd.memory}).
 *
 * @param device where models run
 * @param threads CPU threads; 0: all cores
 * @param logprobTileMib memory for a tile of logits in MiB
 */
public record MachineConfig(DeviceSpec device, int threads, int logprobTileMib) {

  static MachineConfig read(Values values) {
    return new MachineConfig(
        values.get(TrainingKeys.DEVICE),
        values.get(TrainingKeys.THREADS),
        values.get(TrainingKeys.LOGPROB_TILE_MIB));
  }
}
