package org.rlkd.bench.growth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class PowerLawTest {
  private static final double[] SIZES = {2, 4, 8, 16};

  @Test
  void the_exponent_of_a_power_law_is_found_whatever_its_factor() {
    double[] quadratic = {3 * 4, 3 * 16, 3 * 64, 3 * 256};
    assertThat(PowerLaw.exponent(SIZES, quadratic)).isCloseTo(2, within(1e-12));
    assertThat(PowerLaw.lastExponent(SIZES, quadratic)).isCloseTo(2, within(1e-12));
  }

  @Test
  void a_fixed_cost_lowers_the_fitted_exponent_more_than_the_last() {
    double[] affine = {12, 14, 18, 26};
    assertThat(PowerLaw.exponent(SIZES, affine)).isBetween(0.3, 0.45);
    assertThat(PowerLaw.lastExponent(SIZES, affine))
        .isCloseTo(Math.log(26.0 / 18) / Math.log(2), within(1e-12));
  }

  @Test
  void the_table_has_a_row_for_each_curve() {
    String table =
        GrowthReport.timeTable(
            List.of(
                new Growth.Curve(
                    "prompts",
                    SIZES,
                    new double[] {0.001, 0.002, 0.004, 0.008},
                    new double[] {0.002, 0.008, 0.032, 0.128})));
    assertThat(table)
        .contains(
            "| prompts | 2, 4, 8, 16 | 2, 8, 32, 128 | 1, 2, 4, 8 | 2.00 (2.00) | 1.00 (1.00) |");
  }
}
