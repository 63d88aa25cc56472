package org.rlkd.engine.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class EntropyCoefficientTest {

  @Test
  void aConstantCoefficientIsThereFromTheFirstStep() {
    EntropyCoefficient coefficient = EntropyCoefficient.constant(0.01);
    assertThat(coefficient.bonus()).isEqualTo(0.01);
    assertThat(coefficient.update(5)).isEqualTo(0.01);
    assertThat(coefficient.bonus()).isEqualTo(0.01);
  }

  @Test
  void anAdaptiveCoefficientHasNoBonusUntilTheEntropyHasFallenToTheTarget() {
    EntropyCoefficient coefficient =
        EntropyCoefficient.adaptive(0.02, 0, 1, 0.005, 1.5, Double.POSITIVE_INFINITY);
    assertThat(coefficient.bonus()).isZero();
    assertThat(coefficient.update(2)).isCloseTo(0.015, within(1e-12));
    assertThat(coefficient.bonus()).as("entropy 2 is above the target").isZero();
    assertThat(coefficient.update(1.5)).isCloseTo(0.02, within(1e-12));
    assertThat(coefficient.bonus()).as("at the target counts").isCloseTo(0.02, within(1e-12));
    assertThat(coefficient.lastEntropy()).isEqualTo(1.5);
  }

  @Test
  void anAdaptiveCoefficientStaysWithinItsBounds() {
    EntropyCoefficient coefficient = EntropyCoefficient.adaptive(0.02, 0.01, 0.03, 0.02, 1, 0);
    assertThat(coefficient.update(5)).isEqualTo(0.01);
    assertThat(coefficient.update(0)).isEqualTo(0.03);
  }
}
