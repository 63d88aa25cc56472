package org.rlkd.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;

class ComparisonTest {
  private static final Machine HERE = new Machine("A processor", 2, "avx2", 1, "17.0.1");
  private static final Machine ELSEWHERE = new Machine("A processor", 2, "avx512", 1, "17.0.1");

  @TempDir Path folder;

  private static Measurement measurement(String shape, double seconds) {
    return new Measurement(
        "sampling",
        Map.of("shape", shape),
        seconds,
        seconds / 2,
        new Work(8e6, 0, 0),
        2e10,
        1e11,
        16);
  }

  private static Results results(Machine machine, Measurement... measurements) {
    return new Results(machine, "0.1.0", "2026-01-02T03:04:05Z", List.of(measurements));
  }

  @Test
  void ratios_say_how_many_times_faster_a_run_is() {
    Results before = results(HERE, measurement("2x3", 0.004), measurement("9x9", 1));
    Results now = results(HERE, measurement("2x3", 0.002), measurement("4x4", 0.001));
    assertThat(new Comparison(before, now, false).table())
        .contains("| sampling shape=2x3 | 4.00 ms | 2.00 ms | 2.00 | 2.00 | 1.00 |")
        .contains("| sampling shape=4x4 | - | 1.00 ms | new |")
        .contains("| sampling shape=9x9 | was not run now |")
        .doesNotContain("OTHER MACHINE");
  }

  @Test
  void another_machine_is_refused_and_by_force_marked() {
    Results before = results(ELSEWHERE, measurement("2x3", 0.004));
    Results now = results(HERE, measurement("2x3", 0.002));
    assertThatThrownBy(() -> new Comparison(before, now, false))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("another machine", "avx512", "avx2", "--force");
    assertThat(new Comparison(before, now, true).table()).contains("OTHER MACHINE");
  }

  @Test
  void a_run_is_read_back_as_it_was_written() {
    Results results = results(HERE, measurement("2x3", 0.002));
    Path file = folder.resolve("deeper/run.json");
    results.write(file);
    assertThat(Results.read(file)).isEqualTo(results);
    assertThat(file.resolveSibling("run.md"))
        .content()
        .contains("| sampling shape=2x3 | 2.00 ms |");
  }

  @Test
  void a_missing_or_foreign_file_is_named() throws Exception {
    assertThatThrownBy(() -> Results.read(folder.resolve("no.json")))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("no.json", "does not exist");
    Path foreign = Files.writeString(folder.resolve("foreign.json"), "{\"loss\": 1}");
    assertThatThrownBy(() -> Results.read(foreign))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("foreign.json");
    Path damaged = Files.writeString(folder.resolve("damaged.json"), "{\"machine\":");
    assertThatThrownBy(() -> Results.read(damaged))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("damaged.json");
  }

  @Test
  void the_share_of_the_limit_is_of_what_bounds_the_work() {
    // 8 MB at 20 GB/s take 0.4 ms; 1 GFLOP at 100 GFLOP/s take 10 ms.
    assertThat(measurement("2x3", 0.002).shareOfLimit()).isEqualTo(0.2);
    Measurement product =
        new Measurement("linear", Map.of(), 0.02, 0.02, new Work(8e6, 1e9, 0), 2e10, 1e11, 0);
    assertThat(product.shareOfLimit()).isEqualTo(0.5);
  }
}
