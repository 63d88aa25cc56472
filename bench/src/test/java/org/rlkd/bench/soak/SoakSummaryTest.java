package org.rlkd.bench.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.rlkd.core.InputException;

class SoakSummaryTest {
  /** 10 steps a sample. Memory rises by 1 KB a sample, after the first fifth by 20 B. */
  private static List<SoakSample> samples(int count) {
    return IntStream.rangeClosed(1, count)
        .mapToObj(
            i -> {
              int early = Math.min(i, count / 5);
              long bytes = 1_000_000 + early * 1000L + (i - early) * 20L;
              double outlier = i % 7 == 0 ? 5 : 0;
              return new SoakSample(i * 0.5, i * 10L, bytes, 42, 7, 0.3 + outlier, 0.2);
            })
        .toList();
  }

  @Test
  void the_slope_is_that_of_the_settled_run() {
    SoakSummary summary = SoakSummary.of(samples(50));
    assertThat(summary.residentBytes().slope()).isCloseTo(2, within(1e-9));
    assertThat(summary.heapBytes().slope()).isCloseTo(0, within(1e-12));
    assertThat(summary.steps()).isEqualTo(500);
    assertThat(summary.minutes()).isEqualTo(25);
  }

  @Test
  void fifths_are_told_by_their_medians() {
    SoakSummary summary = SoakSummary.of(samples(50));
    assertThat(summary.stepSeconds().firstFifth()).isEqualTo(0.3);
    assertThat(summary.stepSeconds().lastFifth()).isEqualTo(0.3);
    assertThat(summary.residentBytes().firstFifth()).isEqualTo(1_006_000);
    assertThat(summary.residentBytes().secondFifth()).isEqualTo(1_010_000 + 6 * 20);
    assertThat(summary.residentBytes().lastFifth()).isEqualTo(1_010_000 + 36 * 20);
  }

  @Test
  void a_run_of_few_steps_has_no_trend() {
    assertThatThrownBy(() -> SoakSummary.of(samples(9)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("found 9 samples")
        .hasMessageContaining("--minutes");
  }
}
