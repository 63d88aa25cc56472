package org.rlkd.engine.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.core.gsrm.AlignmentOptions;
import org.rlkd.core.gsrm.AlignmentPair;
import org.rlkd.engine.GoldenFolder;
import org.rlkd.engine.tensor.Device;

/**
 * The kernel gives the reference's reward for the reference's judgements. Left out are the cases in
 * which the reference has no teacher step to score against or raised an exception.
 */
class StructureAlignmentGoldenTest {
  private static int compared;

  @TestFactory
  Stream<DynamicTest> rewardsEqualThoseOfTheReference() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (Path file : GoldenFolder.files("gsrm", ".json")) {
      for (JsonNode golden : new ObjectMapper().readTree(file.toFile()).get("cases")) {
        if (!hasSteps(golden.get("student_parsed")) || !hasSteps(golden.get("teacher_parsed"))) {
          continue;
        }
        for (String judged : List.of("judged_with_tag", "judged_without_tag")) {
          if (!golden.get(judged).get("swallowed_exception").booleanValue()) {
            String name = golden.get("name").textValue() + ", " + judged;
            tests.add(DynamicTest.dynamicTest(name, () -> check(golden, golden.get(judged))));
          }
        }
      }
    }
    return tests.stream();
  }

  @AfterAll
  static void report() {
    System.out.printf("%d rewards of the reference equal%n", compared);
  }

  private static boolean hasSteps(JsonNode parsed) {
    return parsed != null && parsed.has("sub_thinks") && !parsed.get("sub_thinks").isEmpty();
  }

  private static void check(JsonNode golden, JsonNode judged) {
    int steps = golden.get("student_parsed").get("sub_thinks").size();
    int nodes = golden.get("teacher_parsed").get("sub_thinks").size();
    // A think that was not asked comes after a mismatch; a query or answer without partner costs
    // nothing.
    float[] meta = diagonal(judged, "think", steps, nodes, 0);
    float[] query = diagonal(judged, "query", steps, nodes, 1);
    float[] answer = diagonal(judged, "answer", steps, nodes, 1);
    int[] chain = new int[nodes];
    Arrays.setAll(chain, node -> node - 1);
    double reward =
        new NativeStructureAlignment(Device.CPU)
            .score(
                List.of(new AlignmentPair(meta, query, answer, steps, chain)),
                AlignmentOptions.PAPER)
            .get(0)
            .reward();
    assertThat(reward).isEqualTo(judged.get("reward").doubleValue());
    compared++;
  }

  /** The verdicts on one kind of block in their order, as judgements of step i and node i. */
  private static float[] diagonal(
      JsonNode judged, String kind, int steps, int nodes, float notAsked) {
    List<Float> verdicts = new ArrayList<>();
    for (JsonNode call : judged.get("judge_calls")) {
      if (call.get(0).textValue().equals(kind)) {
        verdicts.add(call.get(1).textValue().equals("yes") ? 1f : 0f);
      }
    }
    float[] judgements = new float[steps * nodes];
    for (int i = 0; i < Math.min(steps, nodes); i++) {
      judgements[i * nodes + i] = i < verdicts.size() ? verdicts.get(i) : notAsked;
    }
    return judgements;
  }
}
