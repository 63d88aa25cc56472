package org.rlkd.engine.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.rlkd.engine.policy.GoldenNumbers.flat;
import static org.rlkd.engine.policy.GoldenNumbers.number;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.core.config.Aggregation;
import org.rlkd.core.config.ScaleRewards;
import org.rlkd.core.config.Unscorable;
import org.rlkd.core.reward.RewardMatrix;
import org.rlkd.engine.tensor.Device;

/** Rewards, advantages and metrics of TRL's {@code _generate_and_score_completions}. */
class GroupAdvantageGoldenTest {
  /** Rewards and weights go in as float32, results come out as float32. */
  private static final GoldenNumbers NUMBERS = new GoldenNumbers(1e-7, 1e-5);

  private static int cases;

  @TestFactory
  Stream<DynamicTest> advantagesAndMetricsEqualThoseOfTrl() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode file : GoldenNumbers.files("advantages")) {
      for (JsonNode golden : file.get("cases")) {
        tests.add(DynamicTest.dynamicTest(golden.get("name").textValue(), () -> check(golden)));
      }
    }
    return tests.stream();
  }

  @AfterAll
  static void report() {
    System.out.printf(
        "%d cases of advantages; largest difference %.1e%n", cases, NUMBERS.largest());
  }

  private static void check(JsonNode golden) {
    JsonNode config = golden.get("config");
    JsonNode rows = golden.get("inputs").get("rewards");
    JsonNode expected = golden.get("expected");
    int functions = rows.get(0).size();
    double[][] values =
        StreamSupport.stream(rows.spliterator(), false)
            .map(GoldenNumbers::flat)
            .toArray(double[][]::new);
    List<String> names = IntStream.range(0, functions).mapToObj(f -> "f" + f).toList();
    List<Double> weights = Collections.nCopies(functions, 1.0);
    if (!config.get("reward_weights").isNull()) {
      weights = new ArrayList<>();
      for (JsonNode weight : config.get("reward_weights")) {
        weights.add(number(weight));
      }
    }
    GroupAdvantage.Result result =
        GroupAdvantage.compute(
            new RewardMatrix(names, values, Map.of()),
            new GroupAdvantage.Options(
                config.get("num_generations").intValue(),
                weights,
                ScaleRewards.valueOf(
                    config.get("scale_rewards").textValue().toUpperCase(Locale.ROOT)),
                Aggregation.valueOf(
                    config.get("multi_objective_aggregation").textValue().toUpperCase(Locale.ROOT)),
                Unscorable.TRL),
            Device.CPU);
    cases++;
    NUMBERS.compare("rewards", doubles(result.rewards()), flat(expected.get("rewards")));
    NUMBERS.compare("advantages", doubles(result.advantages()), flat(expected.get("advantages")));
    NUMBERS.compare(result.metrics(), expected.get("metrics"));
    assertThat(NUMBERS.takeWrong()).isEmpty();
    assertThat(NUMBERS.compared()).isPositive();
  }

  private static double[] doubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }
}
