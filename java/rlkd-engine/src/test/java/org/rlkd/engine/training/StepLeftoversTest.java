package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

  /** Classes that come late; 27 bytes for each step in between. */
  private static final long HEAP_NOISE = 16 << 10;

  @Test
  void a_step_leaves_nothing_in_the_heap_and_no_pointer(@TempDir Path folder) throws Exception {
    Process process = ForkedRun.start(LeftoverProbe.class, EXACT, folder.toString(), "400", "1000");
    List<String> output = ForkedRun.readTo(process, null);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(String.join("\n", output)).isZero();
    List<Matcher> alive = output.stream().map(ALIVE::matcher).filter(Matcher::matches).toList();
    assertThat(alive).as(String.join("\n", output)).hasSize(2);
    long heap = Long.parseLong(alive.get(1).group(1)) - Long.parseLong(alive.get(0).group(1));
    long pointers = Long.parseLong(alive.get(1).group(2)) - Long.parseLong(alive.get(0).group(2));
    assertThat(heap).as("bytes of heap that 600 steps leave").isLessThan(HEAP_NOISE);
    assertThat(pointers).as("pointers that 600 steps leave").isLessThanOrEqualTo(0);
  }
}
