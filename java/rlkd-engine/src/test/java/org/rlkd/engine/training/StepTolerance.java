package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/**
 * How far two steps from the same weights may be apart.
 *
 * @param metric relative, above 1 absolute below: sums of a few hundred float32 terms in other
 *     orders
 * @param weight absolute; a step of AdamW moves a weight by the learning rate of 1e-3 at most,
 *     whatever the size of its gradient
 */
record StepTolerance(double metric, float weight) {
  static final StepTolerance FLOAT32 = new StepTolerance(2e-5, 2e-5f);

  void check(TinyRlkd.Outcome found, TinyRlkd.Outcome expected) {
    assertThat(found.completions()).isEqualTo(expected.completions());
    assertThat(found.structure()).containsExactly(expected.structure(), within(1e-6));
    assertThat(found.metrics()).containsOnlyKeys(expected.metrics().keySet());
    expected
        .metrics()
        .forEach(
            (name, value) -> {
              if (Double.isNaN(value)) {
                assertThat(found.metrics().get(name)).as(name).isNaN();
              } else {
                assertThat(found.metrics().get(name))
                    .as(name)
                    .isCloseTo(value, within(metric * Math.max(1, Math.abs(value))));
              }
            });
    assertThat(found.weights()).containsExactly(expected.weights(), within(weight));
  }
}
