package org.rlkd.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.lora.LoraAdapter;
import org.rlkd.engine.model.SaveOptions;
import org.rlkd.engine.tensor.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rlkd merge}: a LoRA adapter and its base model as one model directory. */
@Command(
    name = "merge",
    description = "Adds a LoRA adapter to the weights of its base model and saves the result.",
    mixinStandardHelpOptions = true)
final class MergeCommand implements Runnable {
  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "DIR",
      description = "adapter_config.json and adapter_model.safetensors, ours or PEFT's.")
  private Path adapter;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description = "The base model, in place of the one that adapter_config.json names.")
  private Path model;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Where the model goes: must not exist, or be empty.")
  private Path out;

  @Override
  public void run() {
    Path base = model == null ? LoraAdapter.baseModel(adapter) : model;
    try (PretrainedModel merged =
        PretrainedModel.loadMerged(adapter, base, Optional.empty(), Device.CPU)) {
      merged.save(out, SaveOptions.FLOAT32, written -> {});
    }
    System.out.println(out);
  }
}
