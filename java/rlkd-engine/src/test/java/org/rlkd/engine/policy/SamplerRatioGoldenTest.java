package org.rlkd.engine.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.rlkd.engine.policy.GoldenNumbers.flat;
import static org.rlkd.engine.policy.GoldenNumbers.tensor;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.core.config.SamplerRatioConfig;
import org.rlkd.core.config.SamplerRatioMode;
import org.rlkd.engine.tensor.HostArrays;

/** All modes and bounds of TRL's {@code vllm_importance_sampling_*}. */
class SamplerRatioGoldenTest {
  /** Recorded in float32. */
  private static final GoldenNumbers NUMBERS = new GoldenNumbers(1e-7, 1e-5);

  private static int cases;

  @TestFactory
  Stream<DynamicTest> ratiosAndMetricsEqualThoseOfTrl() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode file : GoldenNumbers.files("sampler-ratio")) {
      for (JsonNode golden : file.get("cases")) {
        tests.add(DynamicTest.dynamicTest(golden.get("config").toString(), () -> check(golden)));
      }
    }
    return tests.stream();
  }

  @AfterAll
  static void report() {
    System.out.printf(
        "%d cases of the sampler ratio; largest difference %.1e%n", cases, NUMBERS.largest());
  }

  private static void check(JsonNode golden) {
    JsonNode config = golden.get("config");
    JsonNode inputs = golden.get("inputs");
    int batch = inputs.get("completion_mask").size();
    int length = inputs.get("completion_mask").get(0).size();
    String mode = config.get("vllm_importance_sampling_mode").textValue();
    cases++;
    try (PointerScope scope = new PointerScope()) {
      SamplerRatio.Result result =
          SamplerRatio.compute(
              tensor(inputs.get("old_per_token_logps"), batch, length),
              tensor(inputs.get("sampling_per_token_logps"), batch, length),
              tensor(inputs.get("completion_mask"), batch, length),
              new SamplerRatioConfig(
                  SamplerRatioMode.valueOf(mode.toUpperCase(Locale.ROOT)),
                  optional(config.get("vllm_importance_sampling_clip_min")),
                  optional(config.get("vllm_importance_sampling_clip_max"))));
      JsonNode expected = golden.get("expected");
      JsonNode ratio = expected.get("importance_sampling_ratio");
      assertThat(result.ratio().sizes().vec().get()).containsExactly(batch, ratio.get(0).size());
      NUMBERS.compare("ratio", HostArrays.toDoubles(result.ratio()), flat(ratio));
      NUMBERS.compare(result.counters().metrics(), expected.get("metrics"));
    }
    assertThat(NUMBERS.takeWrong()).isEmpty();
    assertThat(NUMBERS.compared()).isPositive();
  }

  private static Optional<Double> optional(JsonNode node) {
    return node.isNull() ? Optional.empty() : Optional.of(node.doubleValue());
  }
}
