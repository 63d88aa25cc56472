package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Training never holds the logits: those of 4,096 tokens over 151,936 words alone are 2.5 GB, the
 * limit beyond weights, gradients and optimizer state is 512 MiB, of the whole process as the
 * operating system counts it.
 */
class PeakMemoryTest {
  private static final long LIMIT = 512L << 20;

  @ParameterizedTest(name = "{0} with completions of {1} tokens")
  @CsvSource({"sft, 256", "grpo, 256", "grpo, 1024"})
  void a_step_stays_within_512_mib(String trainer, String length) throws Exception {
    assumeTrue(
        Files.isReadable(Path.of("/proc/self/status")), "no /proc/self/status: not on Linux");
    Process process = ForkedRun.start(MemoryProbe.class, List.of(), trainer, length);
    List<String> output = ForkedRun.readTo(process, null);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(String.join("\n", output)).isZero();
    double loss = Double.parseDouble(value(output, "loss: "));
    assertThat(loss).isFinite();
    long beyond = Long.parseLong(value(output, "bytes beyond: "));
    System.out.printf("peak memory of %s, %s tokens: %,d bytes beyond%n", trainer, length, beyond);
    assertThat(beyond).isBetween(1L << 20, LIMIT);
    double estimate = Long.parseLong(value(output, "estimate: "));
    assertThat(estimate / Long.parseLong(value(output, "peak: ")))
        .as("estimated peak as a share of the true one")
        .isBetween(0.75, 1.25);
  }

  private static String value(List<String> output, String key) {
    return output.stream()
        .filter(line -> line.startsWith(key))
        .map(line -> line.substring(key.length()))
        .findFirst()
        .orElseThrow();
  }
}
