package org.rlkd.engine.generation;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.rlkd.core.config.LoraConfig;
import org.rlkd.engine.lora.LoraAdapter;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelFamily;

/** The Java heap that generation on the CPU takes. */
class GenerationAllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** More sequences than the 64 rows to which the head is applied at once. */
  private static final int COMPLETIONS = 40;

  private static final int SEQUENCES = 2 * COMPLETIONS;

  /** Of a completion; an array of so many needs no padding. */
  private static final int TOKENS = 72;

  private static List<GenerationRequest> requests() {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      int[] prompt = new Random(i).ints(20, 0, TinyModels.VOCAB).toArray();
      requests.add(new GenerationRequest(prompt, COMPLETIONS, i));
    }
    return requests;
  }

  static Stream<Arguments> modelsAndSampling() {
    SamplingParameters plain = SamplingParameters.sample(TOKENS);
    // No token of the model: every completion runs to its length, after a look at each token.
    SamplingParameters everything =
        plain
            .withEosTokenIds(Set.of(5000, 6000, 7000))
            .withTemperature(0.9)
            .withTopK(30)
            .withTopP(0.95)
            .withMinP(0.01)
            .withRepetitionPenalty(1.1);
    return Stream.of(ModelFamily.values())
        .flatMap(
            family -> Stream.of(Arguments.of(family, plain), Arguments.of(family, everything)));
  }

  @ParameterizedTest
  @MethodSource("modelsAndSampling")
  void aDecodingStepTakesNone(ModelFamily family, SamplingParameters sampling) {
    try (CausalLm model = TinyModels.of(family)) {
      assertThat(bytesOfSteps(model, sampling)).containsOnly(0L);
    }
  }

  /**
   * Of each step but the first, which runs the prompts, and the last, which makes the results: the
   * least of three calls. What the virtual machine itself allocates now and then, as when it links
   * code, is no matter of the step.
   */
  private static List<Long> bytesOfSteps(CausalLm model, SamplingParameters sampling) {
    Generator generator = new Generator(model);
    generator.generate(requests(), sampling, 0);
    long[] least = new long[TOKENS - 3]; // the first step takes two tokens
    Arrays.fill(least, Long.MAX_VALUE);
    for (int call = 0; call < 3; call++) {
      long[] allocated = new long[TOKENS];
      int[] steps = {0};
      generator.generate(
          requests(),
          sampling,
          1,
          progress -> {
            allocated[steps[0]++] = THREADS.getCurrentThreadAllocatedBytes();
            return true;
          });
      assertThat(steps[0]).isEqualTo(TOKENS - 1);
      for (int i = 0; i < least.length; i++) {
        least[i] = Math.min(least[i], allocated[i + 1] - allocated[i]);
      }
    }
    return Arrays.stream(least).boxed().toList();
  }

  @Test
  void aDecodingStepTakesNoneWithLowRankUpdates() {
    LoraConfig config = new LoraConfig(3, 6, 0, false, List.of("q_proj", "o_proj", "up_proj"));
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2);
        LoraAdapter adapter = LoraAdapter.initialise(model, config, 7)) {
      adapter.attachTo(model);
      assertThat(bytesOfSteps(model, SamplingParameters.sample(TOKENS))).containsOnly(0L);
    }
  }

  @Test
  void aLongerCallTakesTheBytesOfItsResultsMore() {
    int few = TOKENS - 8; // needs as many cache blocks: their table is no larger
    try (CausalLm model = TinyModels.of(ModelFamily.QWEN2)) {
      Generator generator = new Generator(model);
      // The median: what a call takes changes when the JIT compiler has seen enough of it.
      long more =
          LongStream.generate(() -> bytesOfACall(generator, TOKENS) - bytesOfACall(generator, few))
              .limit(11)
              .sorted()
              .skip(5)
              .findFirst()
              .orElseThrow();
      assertThat(more).isEqualTo(8L * (TOKENS - few) * SEQUENCES); // id and log-prob
    }
  }

  private static long bytesOfACall(Generator generator, int newTokens) {
    List<GenerationRequest> requests = requests();
    long before = THREADS.getCurrentThreadAllocatedBytes();
    generator.generate(requests, SamplingParameters.sample(newTokens), 0);
    return THREADS.getCurrentThreadAllocatedBytes() - before;
  }
}
