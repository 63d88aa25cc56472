package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.Scheduler;

/** Expected values worked out by hand from transformers' lambda functions, peak 1. */
class LearningRateScheduleTest {

  @ParameterizedTest
  @CsvSource({
    "CONSTANT, 0, 1",
    "CONSTANT, 9, 1",
    "CONSTANT_WITH_WARMUP, 0, 0",
    "CONSTANT_WITH_WARMUP, 1, 0.5",
    "CONSTANT_WITH_WARMUP, 9, 1",
    "LINEAR, 0, 0",
    "LINEAR, 1, 0.5",
    "LINEAR, 2, 1",
    "LINEAR, 6, 0.5",
    "LINEAR, 10, 0",
    "LINEAR, 11, 0",
    "COSINE, 1, 0.5",
    "COSINE, 2, 1",
    "COSINE, 4, 0.8535533905932737",
    "COSINE, 6, 0.5",
    "COSINE, 10, 0",
    "COSINE_WITH_MIN_LR, 2, 1",
    "COSINE_WITH_MIN_LR, 6, 0.55",
    "COSINE_WITH_MIN_LR, 10, 0.1",
  })
  void ten_steps_with_two_of_warm_up(Scheduler kind, long done, double expected) {
    var schedule =
        new LearningRateSchedule(kind, 1, 2, 0.5, kind == Scheduler.COSINE_WITH_MIN_LR ? 0.1 : 0);
    assertThat(schedule.rate(done, 10)).isCloseTo(expected, within(1e-15));
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "0.1, 2", "0.05, 1", "0.051, 2", "1, 1", "3.9, 3"})
  void a_fraction_of_warm_up_rounds_up_and_a_number_rounds_down(double warmup, long steps) {
    var schedule = LearningRateSchedule.of(Scheduler.LINEAR, 1, warmup);
    assertThat(schedule.warmupSteps(20)).isEqualTo(steps);
  }

  @Test
  void a_negative_learning_rate_is_refused_by_name() {
    assertThatThrownBy(() -> LearningRateSchedule.constant(-1))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("learning_rate");
  }
}
