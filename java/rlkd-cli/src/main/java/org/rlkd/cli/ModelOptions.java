package org.rlkd.cli;

import java.nio.file.Path;
import org.rlkd.core.UsageException;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.tensor.CpuThreads;
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

  /** Loads the model; the caller closes it. */
  PretrainedModel load() {
    setThreads(threads);
    return PretrainedModel.load(directory);
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
