package org.rlkd.engine.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.TinyModels;
import org.rlkd.engine.safetensors.SafetensorsDtype;
import org.rlkd.engine.safetensors.SafetensorsWriter;
import org.rlkd.engine.tensor.HostArrays;

class LoraAdapterTest {
  private static final LoraConfig CONFIG =
      new LoraConfig(4, 8, 0, false, List.of("q_proj", "down_proj"));

  @TempDir private Path directory;
  private PointerScope scope;
  private CausalLm model;

  @BeforeEach
  void load() {
    scope = new PointerScope();
    model = CausalLm.initialise(TinyModels.config(ModelFamily.QWEN2), 1);
  }

  @AfterEach
  void close() {
    model.close();
    scope.close();
  }

  private float[] hidden() {
    try (NoGradGuard noGradients = new NoGradGuard()) {
      return HostArrays.toFloats(
          model.hidden(HostArrays.longs(new long[] {1, 5, 9, 2}, 1, 4), null));
    }
  }

  private float[] trained(long seed, long part) {
    float[][] result = new float[1][];
    model.train(seed, part, () -> result[0] = hidden());
    return result[0];
  }

  private static void randomise(LoraAdapter adapter) {
    try (NoGradGuard noGradients = new NoGradGuard()) {
      torch.manual_seed(3);
      adapter.parameters().values().forEach(tensor -> tensor.normal_(0, 0.3, null));
    }
  }

  @Test
  void aNewAdapterChangesNothingAndTwoOfOneSeedAreEqual() {
    float[] before = hidden();
    try (LoraAdapter adapter = LoraAdapter.initialise(model, CONFIG, 7);
        LoraAdapter again = LoraAdapter.initialise(model, CONFIG, 7);
        LoraAdapter other = LoraAdapter.initialise(model, CONFIG, 8)) {
      adapter.attachTo(model);
      assertThat(hidden()).containsExactly(before);
      String name = "base_model.model.model.layers.1.mlp.down_proj.lora_A.weight";
      assertThat(adapter.parameters()).containsKey(name).hasSize(2 * 2 * 2);
      assertThat(HostArrays.toFloats(again.parameters().get(name)))
          .containsExactly(HostArrays.toFloats(adapter.parameters().get(name)))
          .isNotEqualTo(HostArrays.toFloats(other.parameters().get(name)));
    }
  }

  @Test
  void theAdapterCanBeSwitchedOffForAReferencePolicy() {
    float[] base = hidden();
    try (LoraAdapter adapter = LoraAdapter.initialise(model, CONFIG, 7)) {
      randomise(adapter);
      adapter.attachTo(model);
      float[] adapted = hidden();
      assertThat(adapted).isNotEqualTo(base);
      assertThat(model.withoutAdapter(this::hidden)).containsExactly(base);
      assertThat(hidden()).containsExactly(adapted);
    }
  }

  @Test
  void dropoutActsInTrainingAlone() {
    LoraConfig dropping = new LoraConfig(4, 8, 0.5, false, List.of(LoraConfig.ALL_LINEAR));
    try (LoraAdapter adapter = LoraAdapter.initialise(model, dropping, 7)) {
      randomise(adapter);
      adapter.attachTo(model);
      float[] evaluated = hidden();
      assertThat(hidden()).containsExactly(evaluated);
      float[] trained = trained(1, 5);
      assertThat(trained).isNotEqualTo(evaluated);
      assertThat(trained(1, 5)).containsExactly(trained);
      assertThat(trained(1, 6)).isNotEqualTo(trained);
      assertThat(trained(2, 5)).isNotEqualTo(trained);
      assertThat(hidden()).containsExactly(evaluated);
    }
  }

  @Test
  void aSavedAdapterIsReadBackWithItsConfiguration() {
    LoraConfig config = new LoraConfig(3, 5, 0.1, true, List.of("k_proj", "up_proj"));
    try (LoraAdapter adapter = LoraAdapter.initialise(model, config, 7)) {
      randomise(adapter);
      adapter.write(directory, "some/model");
      try (LoraAdapter read = LoraAdapter.load(directory, model)) {
        assertThat(read.config()).isEqualTo(config);
        assertThat(read.config().scale()).isEqualTo(5 / Math.sqrt(3));
        adapter
            .parameters()
            .forEach(
                (name, tensor) ->
                    assertThat(HostArrays.toFloats(read.parameters().get(name)))
                        .as(name)
                        .containsExactly(HostArrays.toFloats(tensor)));
      }
    }
  }

  @Test
  void mergingGivesTheAdaptedModelWithoutAnAdapter() {
    try (LoraAdapter adapter = LoraAdapter.initialise(model, CONFIG, 7)) {
      randomise(adapter);
      adapter.attachTo(model);
      float[] adapted = hidden();
      model.removeAdapter();
      adapter.mergeInto(model);
      float[] merged = hidden();
      for (int i = 0; i < merged.length; i++) {
        assertThat(merged[i]).isCloseTo(adapted[i], org.assertj.core.data.Offset.offset(1e-5f));
      }
    }
  }

  @Test
  void modulesAreChosenByNameBySuffixByAllLinearOrByExpression() {
    assertThat(
            new LoraConfig(1, 1, 0, false, List.of("q_proj"))
                .targets("model.layers.0.self_attn.q_proj"))
        .isTrue();
    assertThat(
            new LoraConfig(1, 1, 0, false, List.of("proj"))
                .targets("model.layers.0.self_attn.q_proj"))
        .isFalse();
    LoraConfig expression = new LoraConfig(1, 1, 0, false, List.of(".*layers\\.1\\..*(q|v)_proj"));
    assertThat(expression.targets("model.layers.1.self_attn.v_proj")).isTrue();
    assertThat(expression.targets("model.layers.0.self_attn.v_proj")).isFalse();
    try (LoraAdapter all =
        LoraAdapter.initialise(
            model, new LoraConfig(2, 2, 0, false, List.of(LoraConfig.ALL_LINEAR)), 1)) {
      assertThat(all.parameters()).hasSize(2 * model.projections().size());
    }
  }

  @Test
  void aTargetThatTheModelDoesNotHaveIsRefusedByName() {
    LoraConfig config = new LoraConfig(4, 8, 0, false, List.of("q_proj", "c_attn"));
    assertThatThrownBy(() -> LoraAdapter.initialise(model, config, 1))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("c_attn")
        .hasMessageContaining("q_proj, k_proj");
  }

  @Test
  void whatIsNotComputedIsRefusedByName() throws IOException {
    try (LoraAdapter adapter = LoraAdapter.initialise(model, CONFIG, 7)) {
      adapter.write(directory, null);
    }
    Path file = directory.resolve(LoraAdapter.CONFIG_FILE);
    String json = Files.readString(file);
    Files.writeString(file, json.replace("\"use_dora\" : false", "\"use_dora\" : true"));
    assertThatThrownBy(() -> LoraAdapter.load(directory, model))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("use_dora");
    Files.writeString(file, json.replace("\"bias\" : \"none\"", "\"bias\" : \"all\""));
    assertThatThrownBy(() -> LoraAdapter.load(directory, model))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("bias is all");
  }

  @Test
  void aMissingAndAMisshapenTensorAreNamed() {
    try (LoraAdapter adapter = LoraAdapter.initialise(model, CONFIG, 7)) {
      adapter.write(directory, null);
      String name = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight";
      var tensors = new java.util.LinkedHashMap<String, Tensor>(adapter.parameters());
      tensors.remove(name);
      Path file = directory.resolve(LoraAdapter.WEIGHTS_FILE);
      SafetensorsWriter.write(file, tensors, SafetensorsDtype.F32);
      assertThatThrownBy(() -> LoraAdapter.load(directory, model))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(name)
          .hasMessageContaining("missing");
      tensors.put(name, torch.zeros(2, 2));
      SafetensorsWriter.write(file, tensors, SafetensorsDtype.F32);
      assertThatThrownBy(() -> LoraAdapter.load(directory, model))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(name)
          .hasMessageContaining("[32, 4]");
    }
  }
}
