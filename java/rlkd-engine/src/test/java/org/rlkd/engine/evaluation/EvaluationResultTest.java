package org.rlkd.engine.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.data.Problem;
import org.rlkd.engine.generation.FinishReason;

class EvaluationResultTest {
  private static EvaluationResult of(double[][] scores) {
    List<EvaluatedCompletion> completions = new ArrayList<>();
    for (int p = 0; p < scores.length; p++) {
      Problem problem = new Problem("p" + p, List.of(new ChatMessage("user", "q")), "1", List.of());
      for (int s = 0; s < scores[p].length; s++) {
        completions.add(
            new EvaluatedCompletion(
                problem,
                s,
                "",
                10 * (s + 1),
                s == 0 ? FinishReason.LENGTH : FinishReason.EOS,
                Map.of("accuracy", scores[p][s]),
                Map.of()));
      }
    }
    return new EvaluationResult(scores[0].length, completions);
  }

  /** Share of the k-subsets of the samples that hold a correct one, by enumeration. */
  private static double passByEnumeration(double[] scores, int k) {
    int subsets = 0;
    int passed = 0;
    for (int subset = 0; subset < 1 << scores.length; subset++) {
      if (Integer.bitCount(subset) == k) {
        subsets++;
        for (int s = 0; s < scores.length; s++) {
          if ((subset >> s & 1) == 1 && scores[s] > 0.5) {
            passed++;
            break;
          }
        }
      }
    }
    return passed / (double) subsets;
  }

  @Test
  void passAtKIsTheShareOfSubsetsWithACorrectSample() {
    double[][] scores = {{1, 0, 0, 1, 0, 0}, {0, 0, 0, 0, 0, 0}, {0, 0, 1, 0, Double.NaN, 0}};
    EvaluationResult result = of(scores);
    for (int k = 1; k <= 6; k++) {
      double expected = 0;
      for (double[] row : scores) {
        expected += passByEnumeration(row, k) / 3;
      }
      assertThat(result.passAt(k, "accuracy")).as("k=%d", k).isEqualTo(expected, within(1e-12));
    }
    assertThatThrownBy(() -> result.passAt(7, "accuracy"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void unscorableCompletionsAreLeftOutOfTheMeanAndCounted() {
    EvaluationResult result = of(new double[][] {{1, Double.NaN}, {0, 1}});
    assertThat(result.mean("accuracy")).hasValue(2.0 / 3);
    assertThat(result.unscorable("accuracy")).isEqualTo(1);
    assertThat(of(new double[][] {{Double.NaN}}).mean("accuracy")).isEmpty();
  }

  @Test
  void lengthAndTruncationAreOverAllCompletions() {
    EvaluationResult result = of(new double[][] {{1, 0}, {1, 0}});
    assertThat(result.meanLength()).isEqualTo(15);
    assertThat(result.truncatedShare()).isEqualTo(0.5);
    assertThat(result.problems()).isEqualTo(2);
  }
}
