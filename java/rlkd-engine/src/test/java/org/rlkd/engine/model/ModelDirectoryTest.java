package org.rlkd.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;
import org.rlkd.engine.safetensors.SafetensorsWriter;

/** Loading refuses a damaged directory by file and tensor; saving leaves all or nothing. */
class ModelDirectoryTest {
  private static final String UP = "model.layers.0.mlp.up_proj.weight";

  @TempDir Path temporary;
  private Path directory;

  @BeforeEach
  void saveModel() {
    directory = temporary.resolve("model");
    try (CausalLm model = CausalLm.initialise(TinyModels.config(ModelFamily.LLAMA), 1)) {
      save(model, directory, SaveOptions.FLOAT32);
    }
  }

  private static void save(CausalLm model, Path target, SaveOptions options) {
    ModelDirectory.save(
        target, model, GenerationConfig.of(model.config()), options, directory -> {});
  }

  /** Replaces, adds or (value null) removes one tensor of the saved model. */
  private void change(String name, long... shape) {
    try (PointerScope scope = new PointerScope();
        CausalLm model = ModelDirectory.load(directory)) {
      Map<String, Tensor> tensors = new LinkedHashMap<>(model.parameters());
      if (shape.length == 0) {
        tensors.remove(name);
      } else {
        tensors.put(name, torch.ones(shape));
      }
      SafetensorsWriter.write(directory.resolve("model.safetensors"), tensors, null);
    }
  }

  private void assertRefused(String... parts) {
    assertThatThrownBy(() -> ModelDirectory.load(directory))
        .isInstanceOf(InputException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(directory.toString()).contains(parts));
  }

  @Test
  void aTruncatedFileIsRefused() throws IOException {
    Path file = directory.resolve("model.safetensors");
    long size = Files.size(file);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(size - 10);
    }
    assertRefused(
        "model.safetensors is truncated", "holds " + (size - 10) + " bytes", "at byte " + size);
  }

  @Test
  void aTensorOfAnotherShapeIsRefusedWithBothShapes() {
    change(UP, 8, 48);
    assertRefused("tensor " + UP + ": found F32 [8, 48], expected F32, BF16 or F16 [48, 32]");
  }

  @Test
  void aMissingTensorIsRefused() {
    change(UP);
    assertRefused("tensor " + UP + " is missing, expected [48, 32]");
  }

  @Test
  void aTensorWithoutAPlaceIsRefused() {
    change("model.layers.0.mlp.up_proj.bias", 48);
    assertRefused("up_proj.bias: has no place in a LlamaForCausalLM");
  }

  @Test
  void aStoredCopyOfATiedHeadIsAccepted() {
    change("lm_head.weight", 50, 32);
    try (CausalLm model = ModelDirectory.load(directory)) {
      assertThat(model.parameters()).doesNotContainKey("lm_head.weight");
    }
  }

  @Test
  void anUnknownArchitectureIsRefused() throws IOException {
    Path config = directory.resolve("config.json");
    Files.writeString(config, Files.readString(config).replace("LlamaForCausalLM", "OtherModel"));
    assertRefused("config.json: architecture OtherModel is not supported");
  }

  @Test
  void aDirectoryWithoutWeightsAndAMissingDirectoryAreRefused() throws IOException {
    Files.delete(directory.resolve("model.safetensors"));
    assertRefused("holds no weights: expected model.safetensors");
    assertThatThrownBy(() -> ModelDirectory.load(temporary.resolve("absent")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("absent is not a directory");
  }

  @Test
  void aMissingShardAndAnIndexThatIsWrongAreRefused() throws IOException {
    Path sharded = temporary.resolve("sharded");
    try (CausalLm model = ModelDirectory.load(directory)) {
      save(model, sharded, new SaveOptions(SaveOptions.FLOAT32.dtype(), 20_000));
    }
    directory = sharded;
    Path index = directory.resolve("model.safetensors.index.json");
    String text = Files.readString(index);
    Files.writeString(index, text.replaceFirst(UP, "model.layers.0.mlp.other.weight"));
    assertRefused("index.json places tensor model.layers.0.mlp.other.weight in model-0000");
    Files.writeString(index, text);
    String shard = text.replaceFirst("(?s).*\"(model-00002-of-\\d+\\.safetensors)\".*", "$1");
    Files.delete(directory.resolve(shard));
    assertRefused(shard + " does not exist");
  }

  @Test
  void shardsReplaceASingleFileThatWasThereAndHavePlainDigitsInAnyLanguage() throws IOException {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag("ar-EG"));
    try (PointerScope scope = new PointerScope();
        CausalLm other = CausalLm.initialise(TinyModels.config(ModelFamily.LLAMA), 2)) {
      ModelDirectory.write(
          directory,
          other,
          GenerationConfig.of(other.config()),
          new SaveOptions(SaveOptions.FLOAT32.dtype(), 20_000));
      assertThat(directory.resolve("model.safetensors")).doesNotExist();
      assertThat(Files.readString(directory.resolve("model.safetensors.index.json")))
          .contains("model-00001-of-0000");
      try (CausalLm loaded = ModelDirectory.load(directory)) {
        assertThat(loaded.parameters().get(UP).equal(other.parameters().get(UP))).isTrue();
      }
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void savingLeavesNothingWhenAFurtherFileFails() {
    Path target = temporary.resolve("failed");
    try (CausalLm model = ModelDirectory.load(directory)) {
      assertThatThrownBy(
              () ->
                  ModelDirectory.save(
                      target,
                      model,
                      GenerationConfig.of(model.config()),
                      SaveOptions.FLOAT32,
                      staged -> {
                        assertThat(staged.resolve("model.safetensors")).exists();
                        throw new InputException("the tokenizer is missing");
                      }))
          .isInstanceOf(InputException.class);
    }
    assertThat(temporary).isDirectoryNotContaining(file -> !file.equals(directory));
  }

  @Test
  void savingOverAModelIsRefused() {
    try (CausalLm model = ModelDirectory.load(directory)) {
      assertThatThrownBy(() -> save(model, directory, SaveOptions.FLOAT32))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("already exists and is not empty");
    }
  }
}
