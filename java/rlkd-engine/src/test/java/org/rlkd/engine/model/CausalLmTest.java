package org.rlkd.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;

class CausalLmTest {

  @ParameterizedTest
  @EnumSource
  void aSequenceHasTheSameStatesAloneAndPaddedOnEitherSide(ModelFamily family) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGradients = new NoGradGuard();
        CausalLm model = CausalLm.initialise(TinyModels.config(family), 3)) {
      float[] alone = states(model, new long[] {5, 6, 7, 8}, null, 0);
      long[] left = {0, 0, 0, 5, 6, 7, 8};
      long[] right = {5, 6, 7, 8, 0, 0, 0};
      assertThat(states(model, left, new long[] {0, 0, 0, 1, 1, 1, 1}, 3))
          .containsExactly(alone, within(1e-5f));
      assertThat(states(model, right, new long[] {1, 1, 1, 1, 0, 0, 0}, 0))
          .containsExactly(alone, within(1e-5f));
    }
  }

  /** The states of four tokens from the given position. */
  private static float[] states(CausalLm model, long[] ids, long[] mask, long from) {
    Tensor hidden =
        model.hidden(
            HostArrays.longs(ids, 1, ids.length),
            mask == null ? null : HostArrays.longs(mask, 1, mask.length));
    return HostArrays.toFloats(hidden.narrow(1, from, 4));
  }

  @Test
  void stateOfPaddingIsFiniteSoThatItsGradientCanBeMaskedOut() {
    try (PointerScope scope = new PointerScope();
        CausalLm model = CausalLm.initialise(TinyModels.config(ModelFamily.QWEN3), 3)) {
      Tensor ids = HostArrays.longs(new long[] {0, 0, 5, 0, 0, 0}, 2, 3);
      Tensor mask = HostArrays.longs(new long[] {0, 0, 1, 0, 0, 0}, 2, 3);
      Tensor hidden = model.hidden(ids, mask);
      assertThat(torch.isfinite(hidden).all().item_bool()).isTrue();
      hidden.select(1, 2).sum().backward();
      model
          .parameters()
          .keySet()
          .forEach(
              name ->
                  assertThat(
                          model.gradient(name) == null
                              || torch.isfinite(model.gradient(name)).all().item_bool())
                      .as(name)
                      .isTrue());
    }
  }

  @Test
  void theSameSeedGivesTheSameWeightsAndAnotherSeedOthers() {
    ModelConfig config = TinyModels.config(ModelFamily.QWEN2);
    try (PointerScope scope = new PointerScope();
        CausalLm one = CausalLm.initialise(config, 11);
        CausalLm same = CausalLm.initialise(config, 11);
        CausalLm other = CausalLm.initialise(config, 12)) {
      one.parameters()
          .forEach(
              (name, tensor) -> {
                assertThat(torch.equal(tensor, same.parameters().get(name))).as(name).isTrue();
                boolean constant = name.endsWith("norm.weight") || name.endsWith(".bias");
                assertThat(torch.equal(tensor, other.parameters().get(name)))
                    .as(name)
                    .isEqualTo(constant);
              });
      Tensor embedding = one.parameters().get("model.embed_tokens.weight");
      assertThat(embedding.std(true).item_double()).isCloseTo(0.1, within(0.005));
      assertThat(embedding.mean().item_double()).isCloseTo(0, within(0.01));
    }
  }

  @Test
  void aFrozenCopyTakesNoGradientsAndDoesNotFollowItsModel() {
    try (PointerScope scope = new PointerScope();
        CausalLm model = CausalLm.initialise(TinyModels.config(ModelFamily.LLAMA), 5);
        CausalLm copy = model.frozenCopy()) {
      Tensor ids = HostArrays.longs(new long[] {1, 2, 3, 4}, 1, 4);
      Tensor before = copy.hidden(ids, null);
      assertThat(before.requires_grad()).isFalse();
      assertThat(model.hidden(ids, null).requires_grad()).isTrue();
      try (NoGradGuard noGradients = new NoGradGuard()) {
        model.parameters().values().forEach(parameter -> parameter.mul_(new Scalar(2.0)));
      }
      assertThat(torch.equal(copy.hidden(ids, null), before)).isTrue();
      assertThat(torch.equal(model.hidden(ids, null), before)).isFalse();
    }
  }

  @Test
  void gradientsAddUpUntilTheyAreSetToZero() {
    try (PointerScope scope = new PointerScope();
        CausalLm model = CausalLm.initialise(TinyModels.config(ModelFamily.LLAMA), 5)) {
      String name = "model.layers.1.mlp.up_proj.weight";
      Tensor ids = HostArrays.longs(new long[] {1, 2, 3, 4}, 1, 4);
      assertThat(model.gradient(name)).isNull();
      model.hidden(ids, null).sum().backward();
      Tensor once = model.gradient(name).clone();
      model.hidden(ids, null).sum().backward();
      assertThat(torch.allclose(model.gradient(name), once.mul(new Scalar(2.0)))).isTrue();
      model.zeroGradients();
      assertThat(model.gradient(name).abs().max().item_double()).isZero();
    }
  }

  @Test
  void sequencesLongerThanTheFirstTablesGetTheirPositions() {
    try (PointerScope scope = new PointerScope();
        RotaryEmbedding rotary =
            new RotaryEmbedding(new RopeParameters(100, null), 4, Device.CPU)) {
      rotary.prefix(3);
      Tensor positions = HostArrays.longs(new long[] {0, 1000}, 1, 2);
      float[] cosines = HostArrays.toFloats(rotary.at(positions, 1001).cosine());
      assertThat(cosines)
          .containsExactly(
              new float[] {1, 1, 1, 1, c(1000), c(100), c(1000), c(100)}, within(1e-5f));
    }
  }

  private static float c(double angle) {
    return (float) Math.cos(angle);
  }

  @Test
  void aForwardPassLeavesNothingButItsResult() {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGradients = new NoGradGuard();
        CausalLm model = CausalLm.initialise(TinyModels.config(ModelFamily.QWEN3), 5)) {
      Tensor ids = HostArrays.longs(new long[] {0, 0, 3, 4}, 1, 4);
      Tensor mask = HostArrays.longs(new long[] {0, 1, 1, 1}, 1, 4);
      model.hidden(ids, mask).close();
      // The count is the whole process's: pointers that earlier tests dropped may be collected in
      // between, which only lowers it. A pass that keeps one tensor raises it by 100, and as the
      // scope holds what is kept, no collection hides that.
      System.gc();
      Pointer.deallocateReferences();
      long before = Pointer.totalCount();
      for (int i = 0; i < 100; i++) {
        model.hidden(ids, mask).close();
      }
      assertThat(Pointer.totalCount() - before).isNotPositive();
    }
  }

  @Test
  void tokensOutsideTheVocabularyAndWrongMasksAreRefused() {
    try (PointerScope scope = new PointerScope();
        CausalLm model = CausalLm.initialise(TinyModels.config(ModelFamily.LLAMA), 5)) {
      assertThatThrownBy(() -> model.hidden(HostArrays.longs(new long[] {1, 50}, 1, 2), null))
          .hasMessageContaining("token id 50 is outside the vocabulary of 50");
      Tensor ids = HostArrays.longs(new long[] {1, 2}, 1, 2);
      assertThatThrownBy(() -> model.hidden(ids, HostArrays.longs(new long[] {1}, 1, 1)))
          .hasMessageContaining("attention mask does not have the shape [1, 2]");
      assertThatThrownBy(() -> model.hidden(ids, HostArrays.longs(new long[] {1, 2}, 1, 2)))
          .hasMessageContaining("attention mask holds 2");
    }
  }
}
