package org.rlkd.cli;

import java.nio.file.Path;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.DeviceSpec;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.tensor.CpuThreads;
import org.rlkd.engine.tensor.Device;
import picocli.CommandLine.Option;

/** The options of every command that runs a model. */
final class ModelOptions {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "Hugging Face directory of a Qwen2, Qwen3 or Llama model.")
  private Path directory;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads. Default: one for each processor.")
  private Integer threads;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "cpu",
      description = "cpu, cuda or cuda:INDEX. Default: ${DEFAULT-VALUE}.")
  private String device;

  /**
   * Loads the model onto the device; the caller closes it.
   *
   * @throws UsageException if the device cannot be used
   */
  PretrainedModel load() {
    setThreads(threads);
    return PretrainedModel.load(directory, Device.open(deviceSpec()));
  }

  private DeviceSpec deviceSpec() {
    return DeviceSpec.parse(device)
        .orElseThrow(
            () ->
                new UsageException(
                    "--device %s: expected %s".formatted(device, DeviceSpec.EXPECTED)));
  }

  Path directory() {
    return directory;
  }

  /** Sets LibTorch's and the kernels' threads; null = one for each processor. */
  static void setThreads(Integer threads) {
    int count = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    if (count < 1) {
      throw new UsageException("--threads %d: expected at least 1".formatted(count));
    }
    CpuThreads.set(count);
  }
}
