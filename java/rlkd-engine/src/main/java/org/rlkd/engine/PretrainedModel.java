package org.rlkd.engine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.rlkd.engine.lora.LoraAdapter;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GenerationConfig;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.SaveOptions;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tokenizer.Tokenizer;

/**
 * A Hugging Face directory in memory: a model, its tokenizer and its generation defaults. A PEFT
 * directory is loaded with its adapter merged into the base model that it names. Closing it frees
 * both.
 */
public record PretrainedModel(CausalLm model, Tokenizer tokenizer, GenerationConfig generation)
    implements AutoCloseable {

  /**
   * Loads a directory onto the CPU.
   *
   * @throws org.rlkd.core.InputException if a file of it is missing or damaged
   */
  public static PretrainedModel load(Path directory) {
    return load(directory, Device.CPU);
  }

  /** As {@link #load(Path)}, onto a device. */
  public static PretrainedModel load(Path directory, Device device) {
    return load(directory, Optional.empty(), device);
  }

  /**
   * As {@link #load(Path, Device)}, with a chat template (Jinja source) in place of the directory's
   * own.
   */
  public static PretrainedModel load(Path directory, Optional<String> chatTemplate, Device device) {
    if (LoraAdapter.isAdapter(directory)) {
      return loadMerged(directory, LoraAdapter.baseModel(directory), chatTemplate, device);
    }
    ModelDirectory files = ModelDirectory.open(directory);
    Tokenizer tokenizer = Tokenizer.load(directory, chatTemplate);
    try {
      return new PretrainedModel(files.load(device), tokenizer, files.generationConfig());
    } catch (RuntimeException e) {
      tokenizer.close();
      throw e;
    }
  }

  /**
   * Loads a model with a LoRA adapter merged into its weights.
   *
   * @param adapter PEFT directory; its tokenizer and chat template, if it has any, win over the
   *     base's
   * @param base the model directory that the adapter was trained on
   */
  public static PretrainedModel loadMerged(
      Path adapter, Path base, Optional<String> chatTemplate, Device device) {
    ModelDirectory files = ModelDirectory.open(base);
    boolean ownTokenizer = Files.exists(adapter.resolve("tokenizer.json"));
    Tokenizer tokenizer = Tokenizer.load(ownTokenizer ? adapter : base, chatTemplate);
    CausalLm model = null;
    try {
      model = files.load(device);
      try (LoraAdapter updates = LoraAdapter.load(adapter, model)) {
        updates.mergeInto(model);
      }
      return new PretrainedModel(model, tokenizer, files.generationConfig());
    } catch (RuntimeException e) {
      tokenizer.close();
      if (model != null) {
        model.close();
      }
      throw e;
    }
  }

  /** Writes model and tokenizer into an existing directory that holds no other weights. */
  public void write(Path directory, SaveOptions options) {
    ModelDirectory.write(directory, model, generation, options);
    tokenizer.save(directory);
  }

  /**
   * Writes a complete directory, which appears at once.
   *
   * @param others writes further files into it
   * @throws org.rlkd.core.InputException if it cannot be written; nothing is left then
   */
  public void save(Path directory, SaveOptions options, Consumer<Path> others) {
    ModelDirectory.save(
        directory,
        model,
        generation,
        options,
        written -> {
          tokenizer.save(written);
          others.accept(written);
        });
  }

  @Override
  public void close() {
    tokenizer.close();
    model.close();
  }
}
