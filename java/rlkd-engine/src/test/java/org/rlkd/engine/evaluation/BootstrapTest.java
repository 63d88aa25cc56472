package org.rlkd.engine.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.rlkd.engine.evaluation.Bootstrap.Interval;

class BootstrapTest {

  /** [seeds, problems] of 0 and 1. */
  private static double[][] coins(int seeds, int problems, double share) {
    SplittableRandom random = new SplittableRandom(3);
    double[][] values = new double[seeds][problems];
    for (double[] row : values) {
      for (int p = 0; p < problems; p++) {
        row[p] = random.nextDouble() < share ? 1 : 0;
      }
    }
    return values;
  }

  @Test
  void the_interval_of_one_seed_is_that_of_the_normal_approximation() {
    double[][] values = coins(1, 2000, 0.3);
    Interval interval = Bootstrap.nested(values, 0);
    double error = Math.sqrt(interval.mean() * (1 - interval.mean()) / 2000);
    assertThat(interval.low()).isCloseTo(interval.mean() - 1.96 * error, within(0.15 * error));
    assertThat(interval.high()).isCloseTo(interval.mean() + 1.96 * error, within(0.15 * error));
  }

  @Test
  void seeds_that_differ_widen_it_though_their_problems_do_not() {
    double[][] values = {{0.2, 0.2, 0.2}, {0.4, 0.4, 0.4}, {0.6, 0.6, 0.6}};
    Interval interval = Bootstrap.nested(values, 0);
    assertThat(interval.mean()).isCloseTo(0.4, within(1e-12));
    assertThat(interval.low()).isLessThan(0.3);
    assertThat(interval.high()).isGreaterThan(0.5);
  }

  @Test
  void problems_that_all_seeds_share_count_once_where_they_are_crossed() {
    // Every seed gives the same scores: more seeds bring no more knowledge about the problems.
    double[] scores = coins(1, 100, 0.5)[0];
    double[][] values = {scores, scores, scores, scores};
    Interval crossed = Bootstrap.crossed(values, 0);
    Interval nested = Bootstrap.nested(values, 0);
    double width = crossed.high() - crossed.low();
    assertThat(width).isCloseTo(2 * 1.96 * Math.sqrt(0.25 / 100), within(0.03));
    assertThat(nested.high() - nested.low()).isLessThan(0.7 * width);
  }

  @Test
  void a_problem_without_score_is_left_out() {
    Interval interval = Bootstrap.nested(new double[][] {{1, Double.NaN, 0, Double.NaN}}, 0);
    assertThat(interval.mean()).isEqualTo(0.5);
    assertThat(Bootstrap.nested(new double[][] {{Double.NaN}}, 0).mean()).isNaN();
  }

  @Test
  void the_same_seed_gives_the_same_interval() {
    double[][] values = coins(3, 50, 0.4);
    assertThat(Bootstrap.nested(values, 7)).isEqualTo(Bootstrap.nested(values, 7));
    assertThat(Bootstrap.nested(values, 7)).isNotEqualTo(Bootstrap.nested(values, 8));
  }

  @Test
  void crossed_rows_need_the_same_problems() {
    assertThatThrownBy(() -> Bootstrap.crossed(new double[][] {{1, 0}, {1}}, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 and 1 problems");
  }
}
