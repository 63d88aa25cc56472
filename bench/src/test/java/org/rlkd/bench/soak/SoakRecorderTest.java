package org.rlkd.bench.soak;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.rlkd.engine.training.StepReport;

class SoakRecorderTest {
  private static final double SECONDS = 1;

  @Test
  void a_run_ends_after_its_time_and_its_samples_are_spread_over_it() {
    SoakRecorder recorder = new SoakRecorder(SECONDS, seconds -> {});
    long step = 1;
    long start = System.nanoTime();
    while (recorder.afterStep(new StepReport(step, 1_000_000, 0, Map.of()))) {
      LockSupport.parkNanos(10_000_000); // waits: no CPU time
      step++;
    }
    assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo((long) (SECONDS * 1e9));
    List<SoakSample> samples = recorder.samples();
    assertThat(samples).isNotEmpty().hasSizeLessThanOrEqualTo(240);
    assertThat(samples.get(samples.size() - 1).minutes()).isGreaterThan(SECONDS / 60 / 2);
    for (int i = 0; i < samples.size(); i++) {
      SoakSample sample = samples.get(i);
      assertThat(sample.step()).isGreaterThan(i == 0 ? 1 : samples.get(i - 1).step());
      assertThat(sample.stepSeconds()).isGreaterThanOrEqualTo(0.01);
      assertThat(sample.stepCpuSeconds()).isLessThan(sample.stepSeconds());
      assertThat(sample.heapBytes()).isPositive();
    }
  }
}
