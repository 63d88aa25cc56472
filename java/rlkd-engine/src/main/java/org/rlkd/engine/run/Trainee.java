package org.rlkd.engine.run;

import java.nio.file.Path;
import java.util.Optional;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.lora.LoraAdapter;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.SaveOptions;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tokenizer.Tokenizer;

/**
 * What a run trains: all weights of a model, or a LoRA adapter on its frozen weights. A checkpoint
 * of the first is a whole model directory, of the second a PEFT directory with the tokenizer.
 */
final class Trainee implements AutoCloseable {
  private final PretrainedModel model;
  private final LoraAdapter adapter;
  private final Path base;

  private Trainee(PretrainedModel model, LoraAdapter adapter, Path base) {
    this.model = model;
    this.adapter = adapter;
    this.base = base;
  }

  /**
   * Loads the model and, for LoRA, makes the adapter or reads it from the checkpoint.
   *
   * @param base the configured model directory
   * @param checkpoint what the run continues from, if it does
   * @param seed of a new adapter's weights
   * @param device where the model is
   */
  static Trainee load(
      Path base,
      Optional<String> chatTemplate,
      Optional<LoraConfig> lora,
      Optional<Path> checkpoint,
      long seed,
      Device device) {
    if (lora.isEmpty()) {
      return new Trainee(
          PretrainedModel.load(checkpoint.orElse(base), chatTemplate, device), null, base);
    }
    PretrainedModel model = PretrainedModel.load(base, chatTemplate, device);
    try {
      LoraAdapter adapter =
          checkpoint.isPresent()
              ? LoraAdapter.load(checkpoint.get(), model.model())
              : LoraAdapter.initialise(model.model(), lora.get(), seed);
      adapter.attachTo(model.model());
      return new Trainee(model, adapter, base);
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  CausalLm model() {
    return model.model();
  }

  Tokenizer tokenizer() {
    return model.tokenizer();
  }

  /** Whether the model's own weights stay as they are, and so can serve as the reference policy. */
  boolean keepsItsWeights() {
    return adapter != null;
  }

  /** Writes a checkpoint, or the result, into an existing directory. */
  void write(Path directory) {
    if (adapter == null) {
      model.write(directory, SaveOptions.FLOAT32);
    } else {
      adapter.write(directory, base.toString());
      model.tokenizer().save(directory);
    }
  }

  @Override
  public void close() {
    model.close();
    if (adapter != null) {
      adapter.close();
    }
  }
}
