package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StageWatchdogTest {
  private static final double LIMIT = 0.05;
  private static final long PATIENCE_SECONDS = 30;

  private final BlockingQueue<String> warnings = new LinkedBlockingQueue<>();

  @Test
  void a_stage_that_hangs_is_named_with_its_median_and_again_when_the_time_has_doubled()
      throws InterruptedException {
    try (StageWatchdog watchdog = new StageWatchdog(LIMIT, warnings::add)) {
      for (String stage : List.of("generation", "rewards", "generation", "rewards")) {
        watchdog.begin(stage);
      }
      assertThat(warnings.poll(PATIENCE_SECONDS, TimeUnit.SECONDS))
          .startsWith("rewards is slow: ")
          .contains("its median is ");
      assertThat(warnings.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).startsWith("rewards is slow: ");
    }
  }

  @Test
  void the_first_run_of_a_stage_has_ten_times_the_limit() throws InterruptedException {
    try (StageWatchdog watchdog = new StageWatchdog(LIMIT, warnings::add)) {
      long start = System.nanoTime();
      watchdog.begin("save");
      assertThat(warnings.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).contains("it is the first");
      assertThat((System.nanoTime() - start) * 1e-9).isGreaterThanOrEqualTo(10 * LIMIT);
    }
  }

  @Test
  void nothing_is_said_between_stages() throws InterruptedException {
    try (StageWatchdog watchdog = new StageWatchdog(LIMIT, warnings::add)) {
      watchdog.begin("update");
      watchdog.end();
      assertThat(warnings.poll((long) (20 * LIMIT * 1000), TimeUnit.MILLISECONDS)).isNull();
    }
  }
}
