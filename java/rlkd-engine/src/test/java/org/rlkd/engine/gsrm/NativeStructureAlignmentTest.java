package org.rlkd.engine.gsrm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.rlkd.core.gsrm.AlignmentOptions;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;
import org.rlkd.core.gsrm.AlignmentOptions.Normalize;
import org.rlkd.core.gsrm.AlignmentPair;
import org.rlkd.core.gsrm.AlignmentScore;
import org.rlkd.engine.tensor.Device;

class NativeStructureAlignmentTest {
  private static final AlignmentOptions MONOTONE =
      new AlignmentOptions(Alignment.MONOTONE, Normalize.NONE, 0.7);

  private final NativeStructureAlignment alignment = new NativeStructureAlignment(Device.CPU);
  private final SplittableRandom random = new SplittableRandom(41);

  @Test
  void aPathScoresItsLengthAgainstItselfAndOneNormalised() {
    for (int m = 1; m <= 8; m++) {
      AlignmentPair pair = pair(m, chain(m), 1);
      assertThat(reward(pair, AlignmentOptions.PAPER)).isEqualTo(m);
      assertThat(reward(pair, MONOTONE)).isEqualTo(m);
      for (Normalize normalize : List.of(Normalize.TEACHER, Normalize.MAX)) {
        assertThat(reward(pair, new AlignmentOptions(Alignment.PREFIX, normalize, 0))).isEqualTo(1);
      }
    }
  }

  @Test
  void monotoneWithoutGapsIsPrefix() {
    AlignmentOptions noGaps = new AlignmentOptions(Alignment.MONOTONE, Normalize.NONE, 0);
    List<AlignmentPair> pairs = randomPairs(200);
    List<AlignmentScore> prefix = alignment.score(pairs, AlignmentOptions.PAPER);
    List<AlignmentScore> monotone = alignment.score(pairs, noGaps);
    for (int p = 0; p < pairs.size(); p++) {
      assertThat(monotone.get(p).reward()).isCloseTo(prefix.get(p).reward(), within(1e-6));
    }
  }

  @Test
  void pairsOfOneBatchDoNotTouchEachOther() {
    List<AlignmentPair> pairs = randomPairs(100);
    List<AlignmentScore> together = alignment.score(pairs, MONOTONE);
    for (int p = 0; p < pairs.size(); p++) {
      assertThat(together.get(p))
          .isEqualTo(alignment.score(List.of(pairs.get(p)), MONOTONE).get(0));
    }
  }

  @Test
  void monotoneIsTheBestOfAllOrderKeepingAlignments() {
    for (int i = 0; i < 60; i++) {
      AlignmentPair pair = randomPair(random.nextInt(5), chain(1 + random.nextInt(4)));
      assertThat(reward(pair, MONOTONE)).isCloseTo(best(pair, 0, 0, 1), within(1e-6));
    }
  }

  @Test
  void anotherTeacherPathNeverLowersTheScore() {
    int raised = 0;
    for (int i = 0; i < 60; i++) {
      int first = 1 + random.nextInt(4);
      int[] both = Arrays.copyOf(chain(first), first + 2);
      both[first] = -1;
      both[first + 1] = first;
      AlignmentPair two = randomPair(3, both);
      AlignmentPair one =
          new AlignmentPair(
              columns(two.meta(), first + 2, first),
              columns(two.query(), first + 2, first),
              columns(two.answer(), first + 2, first),
              3,
              chain(first));
      for (Normalize normalize : Normalize.values()) {
        AlignmentOptions options = new AlignmentOptions(Alignment.MONOTONE, normalize, 0.7);
        assertThat(reward(two, options)).isGreaterThanOrEqualTo(reward(one, options));
        raised += reward(two, options) > reward(one, options) ? 1 : 0;
      }
    }
    assertThat(raised).isPositive();
  }

  @Test
  void theBestLeafIsTheEndOfTheBestPath() {
    // Two branches below one root: the student agrees with nodes 0 and 2.
    AlignmentPair pair = pair(2, new int[] {-1, 0, 0}, 0);
    pair.meta()[0] = pair.query()[0] = pair.answer()[0] = 1;
    pair.meta()[3 + 2] = pair.query()[3 + 2] = pair.answer()[3 + 2] = 1;
    assertThat(alignment.score(List.of(pair), AlignmentOptions.PAPER))
        .containsExactly(new AlignmentScore(2, 2));
  }

  @Test
  void anEmptyStudentScoresZeroAnEmptyTeacherOrAFailedJudgementNothing() {
    AlignmentPair failed = pair(2, chain(2), 1);
    failed.answer()[1] = Float.NaN;
    List<AlignmentScore> scores =
        alignment.score(
            List.of(pair(0, chain(3), 1), pair(3, new int[0], 1), failed, pair(1, chain(1), 1)),
            AlignmentOptions.PAPER);
    assertThat(scores.get(0).reward()).isZero();
    assertThat(scores.get(1)).isEqualTo(new AlignmentScore(Double.NaN, -1));
    assertThat(scores.get(2)).isEqualTo(new AlignmentScore(Double.NaN, -1));
    assertThat(scores.get(3)).isEqualTo(new AlignmentScore(1, 0));
  }

  @Test
  void noPairsGiveNoScores() {
    assertThat(alignment.score(List.of(), AlignmentOptions.PAPER)).isEmpty();
  }

  private double reward(AlignmentPair pair, AlignmentOptions options) {
    return alignment.score(List.of(pair), options).get(0).reward();
  }

  /** Every order-keeping alignment from step i and node j on, tried one by one. */
  private static double best(AlignmentPair pair, int i, int j, double factor) {
    if (i == pair.studentSteps() || j == pair.teacherNodes()) {
      return 0;
    }
    int k = i * pair.teacherNodes() + j;
    double opened = factor * pair.meta()[k];
    double weight = Math.pow(0.5, 1 - pair.query()[k]) * Math.pow(0.5, 1 - pair.answer()[k]);
    double matched = opened * weight + best(pair, i + 1, j + 1, opened);
    double gap = factor * MONOTONE.gapDecay();
    return Math.max(matched, Math.max(best(pair, i + 1, j, gap), best(pair, i, j + 1, gap)));
  }

  private static int[] chain(int length) {
    int[] parents = new int[length];
    Arrays.setAll(parents, node -> node - 1);
    return parents;
  }

  private static AlignmentPair pair(int steps, int[] parents, float judgement) {
    float[][] judgements = new float[3][steps * parents.length];
    for (float[] kind : judgements) {
      Arrays.fill(kind, judgement);
    }
    return new AlignmentPair(judgements[0], judgements[1], judgements[2], steps, parents);
  }

  private AlignmentPair randomPair(int steps, int[] parents) {
    AlignmentPair pair = pair(steps, parents, 0);
    for (float[] kind : List.of(pair.meta(), pair.query(), pair.answer())) {
      for (int k = 0; k < kind.length; k++) {
        kind[k] = (float) random.nextDouble();
      }
    }
    return pair;
  }

  private List<AlignmentPair> randomPairs(int count) {
    List<AlignmentPair> pairs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] parents = new int[1 + random.nextInt(9)];
      Arrays.setAll(parents, node -> node == 0 ? -1 : random.nextInt(-1, node));
      pairs.add(randomPair(random.nextInt(7), parents));
    }
    return pairs;
  }

  private static float[] columns(float[] judgements, int width, int kept) {
    float[] result = new float[judgements.length / width * kept];
    for (int k = 0; k < result.length; k++) {
      result[k] = judgements[k / kept * width + k % kept];
    }
    return result;
  }
}
