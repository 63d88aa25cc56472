package org.rlkd.engine.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.rlkd.core.UsageException;

class SamplingParametersTest {
  @Test
  void everyWithChangesItsOwnValueAndNoOther() {
    SamplingParameters changed =
        SamplingParameters.sample(1)
            .withTemperature(0.5)
            .withTopK(2)
            .withTopP(0.6)
            .withMinP(0.1)
            .withRepetitionPenalty(1.1)
            .withMaxNewTokens(7)
            .withEosTokenIds(Set.of(3))
            .withStopStrings(List.of("x"))
            .withIgnoreEos(true)
            .withSeed(9);
    assertThat(changed)
        .isEqualTo(
            new SamplingParameters(0.5, 2, 0.6, 0.1, 1.1, 7, Set.of(3), List.of("x"), true, 9));
  }

  @Test
  void valuesOutOfRangeAreRefusedByName() {
    SamplingParameters valid = SamplingParameters.sample(1);
    assertRefused(() -> valid.withTemperature(-0.1), "temperature", "-0.1");
    assertRefused(() -> valid.withTemperature(Double.NaN), "temperature", "NaN");
    assertRefused(() -> valid.withTopK(-1), "top_k", "-1");
    assertRefused(() -> valid.withTopP(0), "top_p", "(0, 1]");
    assertRefused(() -> valid.withTopP(1.5), "top_p", "1.5");
    assertRefused(() -> valid.withMinP(2), "min_p", "2");
    assertRefused(() -> valid.withRepetitionPenalty(0), "repetition_penalty", "0");
    assertRefused(() -> valid.withMaxNewTokens(0), "max_new_tokens", "at least 1");
    assertRefused(() -> new GenerationRequest(new int[] {1}, 0, 0), "0 completions", "at least 1");
    assertRefused(
        () -> GeneratorOptions.DEFAULT.withMaxConcurrentSequences(0), "sequences 0", "at least 1");
  }

  private static void assertRefused(Runnable call, String... parts) {
    assertThatThrownBy(call::run).isInstanceOf(UsageException.class).hasMessageContainingAll(parts);
  }
}
