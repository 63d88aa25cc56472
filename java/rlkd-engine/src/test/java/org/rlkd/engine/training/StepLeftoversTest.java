package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is alive after many steps is what was alive after few. */
class StepLeftoversTest {
  private static final Pattern ALIVE =
      Pattern.compile("step \\d+: (\\d+) bytes of heap, (\\d+) pointers");

  /**
   * Exact figures in little time: no buffers of threads in the heap, no dead objects left by a
   * collection, one compiler.
   */
  private static final List<String> EXACT =
      List.of(
          "env",
          "JAVA_TOOL_OPTIONS=-XX:-UseTLAB -XX:MarkSweepAlwaysCompactCount=1 -XX:TieredStopAtLevel=1");

  private static final int STEPS_BETWEEN = 100;

  /** 30 for each step; they differ by a few hundred without a leak. */
  private static final long MOST_BYTES = 30 * STEPS_BETWEEN;

  @Test
  void a_step_leaves_nothing_in_the_heap_and_no_pointer(@TempDir Path folder) throws Exception {
    Process process =
        ForkedRun.start(LeftoverProbe.class, EXACT, folder.toString(), "300", "400", "500", "600");
    List<String> output = ForkedRun.readTo(process, null);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(String.join("\n", output)).isZero();
    List<Matcher> alive = output.stream().map(ALIVE::matcher).filter(Matcher::matches).toList();
    assertThat(alive).as(String.join("\n", output)).hasSize(4);
    // What comes or goes once, such as a class, moves one of the three differences.
    assertThat(median(growth(alive, 1)))
        .as("bytes of heap that %d steps leave: %s", STEPS_BETWEEN, output)
        .isLessThan(MOST_BYTES);
    assertThat(median(growth(alive, 2)))
        .as("pointers that %d steps leave: %s", STEPS_BETWEEN, output)
        .isLessThanOrEqualTo(0);
  }

  /** From each look to the next. */
  private static List<Long> growth(List<Matcher> alive, int figure) {
    List<Long> values = alive.stream().map(a -> Long.valueOf(a.group(figure))).toList();
    return IntStream.range(1, values.size())
        .mapToObj(i -> values.get(i) - values.get(i - 1))
        .toList();
  }

  private static long median(List<Long> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }
}
