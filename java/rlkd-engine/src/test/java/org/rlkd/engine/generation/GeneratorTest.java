package org.rlkd.engine.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rlkd.core.InputException;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelFamily;

class GeneratorTest {
  /** Invariant 1 of the design. */
  private static final double LOGPROB_LIMIT = 1e-4;

  private static final GeneratorOptions ALL_AT_ONCE =
      new GeneratorOptions(1000, GeneratorOptions.DEFAULT.kvCacheBytes());

  /** Prompt lengths around a cache block of 16. */
  private static List<GenerationRequest> requests(int completions) {
    Random random = new Random(3);
    List<GenerationRequest> requests = new ArrayList<>();
    for (int length : new int[] {1, 15, 16, 17, 31, 32, 33, 7}) {
      int[] prompt = random.ints(length, 0, TinyModels.VOCAB).toArray();
      requests.add(new GenerationRequest(prompt, completions, 1000 + requests.size()));
    }
    return requests;
  }

  private static List<List<Completion>> generate(
      CausalLm model,
      GeneratorOptions options,
      List<GenerationRequest> requests,
      SamplingParameters sampling) {
    return new Generator(model, null, options).generate(requests, sampling, 0);
  }

  private static void assertSame(List<Completion> actual, List<Completion> expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i).tokens()).isEqualTo(expected.get(i).tokens());
      assertThat(actual.get(i).finishReason()).isEqualTo(expected.get(i).finishReason());
      // On the CPU every row's logits have the same bits in every batch.
      assertThat(actual.get(i).logprobs()).isEqualTo(expected.get(i).logprobs());
    }
  }

  @ParameterizedTest
  @EnumSource
  void samplerLogprobsEqualTheTrainers(ModelFamily family) {
    try (CausalLm model = TinyModels.of(family)) {
      for (double temperature : new double[] {1, 0.7, 1.6}) {
        SamplingParameters sampling =
            SamplingParameters.sample(40)
                .withTemperature(temperature)
                .withTopK(20)
                .withTopP(0.95)
                .withRepetitionPenalty(1.2)
                .withSeed(11);
        List<GenerationRequest> requests = requests(3);
        List<List<Completion>> completions = generate(model, ALL_AT_ONCE, requests, sampling);
        for (int i = 0; i < requests.size(); i++) {
          for (Completion completion : completions.get(i)) {
            assertThat(completion.length()).isEqualTo(40);
            double difference =
                TrainerLogprobs.largestDifference(
                    model, requests.get(i).promptTokens(), completion, temperature);
            assertThat(difference <= LOGPROB_LIMIT)
                .as("%s at %s: differs by %s", family, temperature, difference)
                .isTrue();
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void samplesDoNotDependOnBatchSizeCompositionOrOrder(ModelFamily family) {
    SamplingParameters sampling =
        SamplingParameters.sample(30).withEosTokenIds(Set.of(2, 3, 4)).withSeed(7);
    try (CausalLm model = TinyModels.of(family)) {
      List<GenerationRequest> requests = requests(5);
      List<List<Completion>> together = generate(model, ALL_AT_ONCE, requests, sampling);
      for (int concurrent : new int[] {1, 2, 7}) {
        GeneratorOptions options = ALL_AT_ONCE.withMaxConcurrentSequences(concurrent);
        List<List<Completion>> few = generate(model, options, requests, sampling);
        for (int i = 0; i < requests.size(); i++) {
          assertSame(few.get(i), together.get(i));
        }
      }
      for (int i = 0; i < requests.size(); i++) {
        List<GenerationRequest> alone = requests.subList(i, i + 1);
        assertSame(generate(model, ALL_AT_ONCE, alone, sampling).get(0), together.get(i));
      }
      List<GenerationRequest> reversed = new ArrayList<>(requests);
      Collections.reverse(reversed);
      GeneratorOptions few = ALL_AT_ONCE.withMaxConcurrentSequences(6);
      List<List<Completion>> backwards = generate(model, few, reversed, sampling);
      for (int i = 0; i < requests.size(); i++) {
        assertSame(backwards.get(requests.size() - 1 - i), together.get(i));
      }
    }
  }

  @Test
  void noRequestsGiveNoCompletions() {
    try (CausalLm model = TinyModels.of(ModelFamily.LLAMA)) {
      assertThat(generate(model, ALL_AT_ONCE, List.of(), SamplingParameters.sample(3))).isEmpty();
    }
  }

  @Test
  void moreCompletionsOfAPromptLeaveTheFirstOnesAsTheyAre() {
    SamplingParameters sampling = SamplingParameters.sample(20);
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      List<List<Completion>> two = generate(model, ALL_AT_ONCE, requests(2), sampling);
      List<List<Completion>> five = generate(model, ALL_AT_ONCE, requests(5), sampling);
      for (int i = 0; i < two.size(); i++) {
        assertSame(five.get(i).subList(0, 2), two.get(i));
      }
    }
  }

  @Test
  void seedStepPromptKeyAndCompletionIndexEachChangeTheSample() {
    SamplingParameters sampling = SamplingParameters.sample(30);
    int[] prompt = {5, 6, 7};
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN3)) {
      Generator generator = new Generator(model);
      List<GenerationRequest> request = List.of(new GenerationRequest(prompt, 2, 1));
      List<Completion> base = generator.generate(request, sampling, 0).get(0);
      int[] otherStep = generator.generate(request, sampling, 1).get(0).get(0).tokens();
      int[] otherSeed = generator.generate(request, sampling.withSeed(1), 0).get(0).get(0).tokens();
      int[] otherKey =
          generator
              .generate(List.of(new GenerationRequest(prompt, 1, 2)), sampling, 0)
              .get(0)
              .get(0)
              .tokens();
      int[] first = base.get(0).tokens();
      assertThat(List.of(base.get(1).tokens(), otherStep, otherSeed, otherKey))
          .allSatisfy(tokens -> assertThat(tokens).isNotEqualTo(first));
      assertSame(generator.generate(request, sampling, 0).get(0), base);
    }
  }

  @Test
  void aSmallCacheMakesSequencesWaitAndChangesNothing() {
    SamplingParameters sampling = SamplingParameters.sample(30).withSeed(2);
    try (CausalLm model = TinyModels.of(ModelFamily.LLAMA)) {
      List<List<Completion>> expected = generate(model, ALL_AT_ONCE, requests(4), sampling);
      // Prompts of 31 tokens and 30 new ones: two blocks shared, three more for one completion.
      long least = 5 * KvCache.blockBytes(model.config(), model.device());
      for (long bytes : new long[] {least, least + least / 2, 3 * least}) {
        GeneratorOptions options = ALL_AT_ONCE.withKvCacheBytes(bytes);
        List<List<Completion>> actual = generate(model, options, requests(4), sampling);
        for (int i = 0; i < expected.size(); i++) {
          assertSame(actual.get(i), expected.get(i));
        }
      }
      assertThatThrownBy(
              () -> generate(model, ALL_AT_ONCE.withKvCacheBytes(least - 1), requests(4), sampling))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("prompt 4")
          .hasMessageContaining("keys and values");
    }
  }

  @Test
  void completionsOfAPromptShareItsBlocks() {
    // 31 + 30 tokens fill 4 blocks. Four completions apart need 16; together they share the full
    // block of the prompt, and the last one writes on its part-filled block: 2 + 3 + 3 + 3 + 2.
    int[] prompt = new int[31];
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      long block = KvCache.blockBytes(model.config(), model.device());
      for (int blocks : new int[] {13, 12}) {
        List<Integer> running = new ArrayList<>();
        new Generator(model, null, ALL_AT_ONCE.withKvCacheBytes(blocks * block))
            .generate(
                List.of(new GenerationRequest(prompt, 4, 0)),
                SamplingParameters.sample(30),
                0,
                progress -> running.add(progress.runningSequences()));
        assertThat(running.get(0)).isEqualTo(blocks == 13 ? 4 : 3);
      }
    }
  }

  @Test
  void aGroupIsToldOfWhenItsLastCompletionEndsAndOnlyThen() {
    SamplingParameters sampling = SamplingParameters.sample(20).withSeed(4);
    List<GenerationRequest> requests = requests(4);
    Map<Integer, List<Completion>> told = new LinkedHashMap<>();
    List<Integer> finished = new ArrayList<>();
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      GeneratorOptions threeAtOnce = ALL_AT_ONCE.withMaxConcurrentSequences(3);
      List<List<Completion>> completions =
          new Generator(model, null, threeAtOnce)
              .generate(
                  requests,
                  sampling,
                  0,
                  new GenerationListener() {
                    @Override
                    public boolean onStep(GenerationProgress progress) {
                      finished.add(progress.finishedCompletions());
                      return true;
                    }

                    @Override
                    public void onGroup(int request, List<Completion> group) {
                      assertThat(told.put(request, group)).isNull();
                      int before = finished.isEmpty() ? 0 : finished.get(finished.size() - 1);
                      // With those that end in this very step there are enough.
                      assertThat(before + 3).isGreaterThanOrEqualTo(4 * told.size());
                      assertThat(before).isLessThan(4 * requests.size());
                    }
                  });
      assertThat(told).hasSameSizeAs(requests);
      told.forEach((request, group) -> assertSame(group, completions.get(request)));
      assertThat(told.keySet()).first().isEqualTo(0);
    }
  }

  @Test
  void anEosTokenEndsACompletionAndIsItsLastToken() {
    SamplingParameters free = SamplingParameters.sample(40).withSeed(4);
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      List<List<Completion>> unbounded = generate(model, ALL_AT_ONCE, requests(4), free);
      SamplingParameters bounded = free.withEosTokenIds(Set.of(10, 20, 30, 40));
      List<List<Completion>> ended = generate(model, ALL_AT_ONCE, requests(4), bounded);
      List<List<Completion>> ignored =
          generate(model, ALL_AT_ONCE, requests(4), bounded.withIgnoreEos(true));
      int eos = 0;
      for (int i = 0; i < ended.size(); i++) {
        assertSame(ignored.get(i), unbounded.get(i));
        for (int c = 0; c < 4; c++) {
          int[] all = unbounded.get(i).get(c).tokens();
          int length = 0;
          while (length < all.length && !bounded.eosTokenIds().contains(all[length])) {
            length++;
          }
          boolean found = length < all.length;
          Completion completion = ended.get(i).get(c);
          assertThat(completion.tokens())
              .isEqualTo(Arrays.copyOf(all, found ? length + 1 : length));
          assertThat(completion.finishReason())
              .isEqualTo(found ? FinishReason.EOS : FinishReason.LENGTH);
          eos += found ? 1 : 0;
        }
      }
      assertThat(eos).isBetween(5, 31);
    }
  }

  @Test
  void greedyTakesTheMostProbableTokenAndTopKOfOneDoesTheSame() {
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN3)) {
      List<List<Completion>> greedy =
          generate(model, ALL_AT_ONCE, requests(1), SamplingParameters.greedy(20));
      List<List<Completion>> topOne =
          generate(model, ALL_AT_ONCE, requests(1), SamplingParameters.sample(20).withTopK(1));
      for (int i = 0; i < greedy.size(); i++) {
        assertSame(topOne.get(i), greedy.get(i));
        assertThat(
                TrainerLogprobs.largestDifference(
                    model, requests(1).get(i).promptTokens(), greedy.get(i).get(0), 1))
            .isLessThanOrEqualTo(LOGPROB_LIMIT);
      }
    }
  }

  @Test
  void aStrongRepetitionPenaltyNeverRepeatsATokenOfPromptOrCompletion() {
    SamplingParameters sampling = SamplingParameters.greedy(40).withRepetitionPenalty(10000);
    int[] prompt = {1, 2, 3, 4, 5};
    try (CausalLm model = TinyModels.of(ModelFamily.LLAMA)) {
      List<GenerationRequest> requests =
          List.of(new GenerationRequest(prompt, 1, 0), new GenerationRequest(new int[] {9}, 1, 1));
      for (int i = 0; i < 2; i++) {
        int[] completion = generate(model, ALL_AT_ONCE, requests, sampling).get(i).get(0).tokens();
        int[] all =
            Arrays.copyOf(
                requests.get(i).promptTokens(), requests.get(i).promptTokens().length + 40);
        System.arraycopy(completion, 0, all, all.length - 40, 40);
        assertThat(all).doesNotHaveDuplicates();
      }
    }
  }

  @Test
  void completionsEndAtMaxPositionEmbeddings() {
    int[] prompt = new int[TinyModels.MAX_POSITIONS - 5];
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      Completion completion =
          generate(
                  model,
                  ALL_AT_ONCE,
                  List.of(new GenerationRequest(prompt, 1, 0)),
                  SamplingParameters.sample(40))
              .get(0)
              .get(0);
      assertThat(completion.length()).isEqualTo(5);
      assertThat(completion.finishReason()).isEqualTo(FinishReason.LENGTH);
    }
  }

  @Test
  void unusablePromptsAreRefusedByNumber() {
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      assertRefused(model, new int[0], "prompt 1 is empty");
      assertRefused(model, new int[] {3, TinyModels.VOCAB}, "prompt 1, position 1", "id 97", "97");
      assertRefused(model, new int[] {-1}, "position 0", "id -1");
      assertRefused(model, new int[TinyModels.MAX_POSITIONS], "96 tokens", "shorten");
    }
  }

  private static void assertRefused(CausalLm model, int[] prompt, String... parts) {
    List<GenerationRequest> requests =
        List.of(new GenerationRequest(new int[] {1}, 1, 0), new GenerationRequest(prompt, 1, 1));
    assertThatThrownBy(() -> generate(model, ALL_AT_ONCE, requests, SamplingParameters.sample(4)))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll(parts);
  }

  @Test
  void nanLogitsEndACompletionWithThatReason() {
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      try (PointerScope scope = new PointerScope();
          NoGradGuard noGradients = new NoGradGuard()) {
        model.headWeight().select(0, 13).fill_(new Scalar(Double.NaN));
      }
      List<Completion> completions =
          generate(model, ALL_AT_ONCE, requests(2).subList(0, 1), SamplingParameters.sample(4))
              .get(0);
      for (Completion completion : completions) {
        assertThat(completion.finishReason()).isEqualTo(FinishReason.NON_FINITE_LOGITS);
        assertThat(completion.tokens()).isEmpty();
      }
    }
  }

  @Test
  void aCancelledCallKeepsWhatItHas() {
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      Generator generator = new Generator(model, null, ALL_AT_ONCE.withMaxConcurrentSequences(6));
      AtomicInteger steps = new AtomicInteger();
      List<List<Completion>> completions =
          generator.generate(
              requests(4),
              SamplingParameters.sample(30),
              0,
              progress -> steps.incrementAndGet() < 3);
      assertThat(steps).hasValue(3);
      assertThat(completions.get(0).get(0).length()).isEqualTo(4);
      assertThat(completions.get(0).get(0).finishReason()).isEqualTo(FinishReason.CANCELLED);
      assertThat(completions.get(7).get(0).length()).isZero();
      assertThat(completions.get(7).get(0).finishReason()).isEqualTo(FinishReason.CANCELLED);
    }
  }

  @Test
  void progressCountsTokensAndCompletionsToTheEnd() {
    try (CausalLm model = TinyModels.of(ModelFamily.LLAMA)) {
      List<List<Long>> seen = new ArrayList<>();
      new Generator(model, null, ALL_AT_ONCE.withMaxConcurrentSequences(5))
          .generate(
              requests(2),
              SamplingParameters.sample(9),
              0,
              progress -> {
                seen.add(
                    List.of(
                        (long) progress.finishedCompletions(),
                        (long) progress.totalCompletions(),
                        progress.generatedTokens(),
                        (long) progress.runningSequences()));
                assertThat(progress.runningSequences()).isLessThanOrEqualTo(5);
                return true;
              });
      assertThat(seen.get(seen.size() - 1)).containsExactly(16L, 16L, 16L * 9, 0L);
    }
  }

  @Test
  void changedWeightsCountAtTheNextCall() {
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN3)) {
      Generator generator = new Generator(model);
      SamplingParameters sampling = SamplingParameters.greedy(10);
      generator.generate(requests(1), sampling, 0);
      try (PointerScope scope = new PointerScope();
          NoGradGuard noGradients = new NoGradGuard()) {
        model.parameters().values().forEach(parameter -> parameter.mul_(new Scalar(-1.3)));
      }
      List<List<Completion>> after = generator.generate(requests(1), sampling, 0);
      for (int i = 0; i < after.size(); i++) {
        assertThat(
                TrainerLogprobs.largestDifference(
                    model, requests(1).get(i).promptTokens(), after.get(i).get(0), 1))
            .isLessThanOrEqualTo(LOGPROB_LIMIT);
      }
    }
  }
}
