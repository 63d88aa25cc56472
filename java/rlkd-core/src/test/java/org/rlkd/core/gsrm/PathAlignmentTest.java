package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;
import org.rlkd.core.gsrm.AlignmentOptions.Normalize;

class PathAlignmentTest {
  /** The formula gets its judgements in single precision. */
  private static final double TOLERANCE = 1e-5;

  private static List<List<Judgement>> judgements(int n, int m, long seed, boolean binary) {
    java.util.SplittableRandom random = new java.util.SplittableRandom(seed);
    List<List<Judgement>> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      List<Judgement> row = new ArrayList<>();
      for (int j = 0; j < m; j++) {
        row.add(
            binary
                ? new Judgement(random.nextInt(2), random.nextInt(2), random.nextInt(2))
                : new Judgement(random.nextDouble(), random.nextDouble(), random.nextDouble()));
      }
      rows.add(row);
    }
    return rows;
  }

  private static AlignmentPair chain(List<List<Judgement>> judgements, int m) {
    int n = judgements.size();
    float[][] kinds = new float[3][n * m];
    for (int k = 0; k < n * m; k++) {
      Judgement judgement = judgements.get(k / m).get(k % m);
      kinds[0][k] = (float) judgement.meta();
      kinds[1][k] = (float) judgement.query();
      kinds[2][k] = (float) judgement.answer();
    }
    int[] parents = new int[m];
    for (int j = 0; j < m; j++) {
      parents[j] = j - 1;
    }
    return new AlignmentPair(kinds[0], kinds[1], kinds[2], n, parents);
  }

  @Property(tries = 300)
  void its_steps_add_up_to_the_formula(
      @ForAll @IntRange(min = 0, max = 6) int n,
      @ForAll @IntRange(min = 1, max = 6) int m,
      @ForAll long seed,
      @ForAll boolean binary,
      @ForAll Alignment alignment,
      @ForAll Normalize normalize,
      @ForAll @DoubleRange(min = 0, max = 1) double gapDecay) {
    List<List<Judgement>> judgements = judgements(n, m, seed, binary);
    AlignmentOptions options = new AlignmentOptions(alignment, normalize, gapDecay);
    double expected =
        new FormulaAlignment().score(List.of(chain(judgements, m)), options).get(0).reward();
    PathAlignment path = PathAlignment.of(judgements, m, options);
    assertThat(path.reward()).isCloseTo(expected, within(TOLERANCE * Math.max(1, m)));
  }

  @Property(tries = 300)
  void a_wrong_tail_never_raises_a_normalised_reward(
      @ForAll @IntRange(min = 0, max = 5) int n,
      @ForAll @IntRange(min = 1, max = 5) int m,
      @ForAll @IntRange(min = 1, max = 3) int tail,
      @ForAll long seed,
      @ForAll Alignment alignment,
      @ForAll @DoubleRange(min = 0, max = 1) double gapDecay) {
    List<List<Judgement>> judgements = judgements(n, m, seed, false);
    List<List<Judgement>> longer = new ArrayList<>(judgements);
    for (int i = 0; i < tail; i++) {
      longer.add(java.util.Collections.nCopies(m, new Judgement(0, 1, 1)));
    }
    for (Normalize normalize : List.of(Normalize.TEACHER, Normalize.MAX)) {
      AlignmentOptions options = new AlignmentOptions(alignment, normalize, gapDecay);
      assertThat(PathAlignment.of(longer, m, options).reward())
          .isLessThanOrEqualTo(PathAlignment.of(judgements, m, options).reward() + 1e-12);
    }
  }
}
