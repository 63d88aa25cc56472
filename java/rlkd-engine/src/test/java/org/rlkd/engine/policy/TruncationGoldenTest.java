package org.rlkd.engine.policy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.engine.GoldenFolder;

/** Loss mask, its token count and the length metrics of TRL. */
class TruncationGoldenTest {
  private static final GoldenNumbers NUMBERS = new GoldenNumbers(1e-6, 0);

  private static int cases;

  @AfterAll
  static void report() {
    System.out.printf(
        "%d cases of truncation; masks and counts equal, largest difference of a length %.1e%n",
        cases, NUMBERS.largest());
  }

  @TestFactory
  Stream<DynamicTest> maskCountAndLengthMetricsEqualThoseOfTrl() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode file : GoldenNumbers.files("truncation")) {
      for (JsonNode golden : file.get("cases")) {
        tests.add(DynamicTest.dynamicTest(golden.get("config").toString(), () -> check(golden)));
      }
    }
    return tests.stream();
  }

  private static void check(JsonNode golden) {
    cases++;
    JsonNode config = golden.get("config");
    JsonNode expected = golden.get("expected");
    List<int[]> completions = new ArrayList<>();
    for (JsonNode ids : golden.get("inputs").get("completion_ids")) {
      completions.add(GoldenFolder.ids(ids));
    }
    Set<Integer> eosTokens = new HashSet<>();
    config.get("eos_token_ids").forEach(id -> eosTokens.add(id.intValue()));
    boolean maskTruncated = config.get("mask_truncated_completions").booleanValue();
    CompletionLengths lengths =
        CompletionLengths.of(completions, eosTokens, config.get("pad_token_id").intValue());

    JsonNode mask = expected.get("completion_mask");
    assertThat(mask).hasSize(completions.size());
    for (int i = 0; i < mask.size(); i++) {
      int counted = lengths.trained(i, maskTruncated) ? lengths.lengths()[i] : 0;
      for (int t = 0; t < mask.get(i).size(); t++) {
        assertThat(mask.get(i).get(t).intValue()).isEqualTo(t < counted ? 1 : 0);
      }
    }
    assertThat(lengths.trainedTokens(maskTruncated))
        .isEqualTo(expected.get("num_items_in_batch").longValue());
    NUMBERS.compare(lengths.metrics(), expected.get("metrics"));
    assertThat(NUMBERS.takeWrong()).isEmpty();
    assertThat(NUMBERS.compared()).isPositive();
  }
}
