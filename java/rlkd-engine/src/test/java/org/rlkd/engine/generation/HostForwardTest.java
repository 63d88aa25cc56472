package org.rlkd.engine.generation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.lora.LoraAdapter;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.tensor.CpuThreads;

class HostForwardTest {
  /** Invariant 1 of the design. */
  private static final double LOGPROB_LIMIT = 1e-4;

  private static GenerationRequest request(int length, int completions, long key) {
    int[] prompt = new Random(key).ints(length, 0, TinyModels.VOCAB).toArray();
    return new GenerationRequest(prompt, completions, key);
  }

  private static double largestDifference(
      CausalLm model, List<GenerationRequest> requests, List<List<Completion>> completions) {
    double largest = 0;
    for (int i = 0; i < requests.size(); i++) {
      for (Completion completion : completions.get(i)) {
        double difference =
            TrainerLogprobs.largestDifference(model, requests.get(i).promptTokens(), completion, 1);
        assertThat(difference).isNotNaN();
        largest = Math.max(largest, difference);
      }
    }
    return largest;
  }

  @ParameterizedTest
  @EnumSource
  void promptsOfSeveralChunksGiveTheTrainersLogprobsAndTheSameBitsInEveryOrder(ModelFamily family) {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int length :
        new int[] {2 * HostForward.CHUNK + 37, 5, HostForward.CHUNK, HostForward.CHUNK + 1}) {
      requests.add(request(length, 2, length));
    }
    SamplingParameters sampling = SamplingParameters.sample(9).withSeed(2);
    try (CausalLm model = TinyModels.of(family, 3 * HostForward.CHUNK)) {
      Generator generator = new Generator(model);
      List<List<Completion>> together = generator.generate(requests, sampling, 0);
      assertThat(largestDifference(model, requests, together)).isLessThanOrEqualTo(LOGPROB_LIMIT);
      for (int i = 0; i < requests.size(); i++) {
        List<Completion> alone = generator.generate(requests.subList(i, i + 1), sampling, 0).get(0);
        assertSameBits(alone, together.get(i));
      }
    }
  }

  @Test
  void moreSequencesThanRowsOfLogitsAndMoreThreadsGiveTheSameBits() {
    List<GenerationRequest> requests = List.of(request(20, 70, 1), request(3, 70, 2));
    SamplingParameters sampling = SamplingParameters.sample(5);
    int threads = CpuThreads.count();
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      List<List<Completion>> all =
          new Generator(model, null, GeneratorOptions.DEFAULT.withMaxConcurrentSequences(140))
              .generate(requests, sampling, 0);
      CpuThreads.set(threads == 1 ? 2 : 1);
      List<List<Completion>> few =
          new Generator(model, null, GeneratorOptions.DEFAULT.withMaxConcurrentSequences(9))
              .generate(requests, sampling, 0);
      for (int i = 0; i < requests.size(); i++) {
        assertSameBits(few.get(i), all.get(i));
      }
    } finally {
      CpuThreads.set(threads);
    }
  }

  @ParameterizedTest
  @EnumSource
  void lowRankUpdatesCountUnlessTheyAreSwitchedOff(ModelFamily family) {
    LoraConfig config =
        new LoraConfig(3, 6, 0.5, false, List.of("q_proj", "v_proj", "o_proj", "up_proj"));
    List<GenerationRequest> requests = List.of(request(19, 3, 1), request(4, 3, 2));
    SamplingParameters sampling = SamplingParameters.sample(12);
    try (CausalLm model = TinyModels.of(family);
        LoraAdapter adapter = LoraAdapter.initialise(model, config, 7);
        PointerScope scope = new PointerScope()) {
      Generator generator = new Generator(model);
      List<List<Completion>> before = generator.generate(requests, sampling, 0);
      try (NoGradGuard noGradients = new NoGradGuard()) {
        torch.manual_seed(3);
        adapter.parameters().values().forEach(tensor -> tensor.normal_(0, 0.3, null));
      }
      adapter.attachTo(model);
      List<List<Completion>> adapted = generator.generate(requests, sampling, 0);
      assertThat(largestDifference(model, requests, adapted)).isLessThanOrEqualTo(LOGPROB_LIMIT);
      assertThat(adapted.get(0).get(0).logprobs()).isNotEqualTo(before.get(0).get(0).logprobs());
      List<List<Completion>> without =
          model.withoutAdapter(() -> generator.generate(requests, sampling, 0));
      for (int i = 0; i < requests.size(); i++) {
        assertSameBits(without.get(i), before.get(i));
      }
    }
  }

  private static void assertSameBits(List<Completion> actual, List<Completion> expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i).tokens()).isEqualTo(expected.get(i).tokens());
      assertThat(actual.get(i).logprobs()).isEqualTo(expected.get(i).logprobs());
    }
  }
}
