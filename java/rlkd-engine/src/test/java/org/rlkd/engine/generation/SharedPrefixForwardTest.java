package org.rlkd.engine.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.tensor.HostArrays;

class SharedPrefixForwardTest {
  private static final int[] TOKENS = {0, 7, 96, 7};

  /** The logits of whole prompts, one by one, without any cache. */
  private static float[] plain(CausalLm model, int[] prompt) {
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      Tensor ids =
          HostArrays.longs(Arrays.stream(prompt).asLongStream().toArray(), 1, prompt.length);
      Tensor last = model.hidden(ids, null).select(1, prompt.length - 1);
      float[] all = HostArrays.toFloats(model.logits(last).contiguous());
      float[] chosen = new float[TOKENS.length];
      Arrays.setAll(new double[TOKENS.length], i -> chosen[i] = all[TOKENS[i]]);
      return chosen;
    }
  }

  private static void check(CausalLm model, List<int[]> prompts) {
    float[][] logits = new SharedPrefixForward(model).logits(prompts, TOKENS);
    assertThat(logits.length).isEqualTo(prompts.size());
    for (int i = 0; i < prompts.size(); i++) {
      assertThat(logits[i]).containsExactly(plain(model, prompts.get(i)), within(1e-4f));
    }
  }

  @ParameterizedTest
  @EnumSource
  void logits_are_those_of_whole_prompts_whatever_they_share(ModelFamily family) {
    SplittableRandom random = new SplittableRandom(3);
    try (CausalLm model = TinyModels.of(family)) {
      for (int shared : new int[] {0, 1, 16, 40}) {
        int[] prefix = random.ints(shared, 0, TinyModels.VOCAB).toArray();
        List<int[]> prompts = new ArrayList<>();
        for (int length : new int[] {5, 1, 17, 5, 30}) {
          int[] prompt = Arrays.copyOf(prefix, shared + length);
          for (int t = shared; t < prompt.length; t++) {
            prompt[t] = random.nextInt(TinyModels.VOCAB);
          }
          prompts.add(prompt);
        }
        check(model, prompts);
        check(model, prompts.subList(1, 2));
        // equal prompts, and one that is the beginning of another
        check(model, List.of(prompts.get(4), prompts.get(4), Arrays.copyOf(prompts.get(4), 3)));
      }
    }
  }
}
