package org.rlkd.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;

class SuiteTest {
  @TempDir Path folder;

  @Test
  void every_kernel_family_has_a_benchmark() throws IOException {
    List<String> benchmarks = Suite.ALL.stream().map(Class::getSimpleName).toList();
    Path references = Path.of(System.getProperty("rlkd.root"), "kernels", "reference");
    try (Stream<Path> files = Files.list(references)) {
      List<String> families =
          files
              .map(file -> file.getFileName().toString())
              .filter(name -> name.endsWith(".cpp"))
              .map(name -> camelCase(name.replace(".cpp", "")))
              .toList();
      assertThat(families).contains("Logprob", "PolicyLoss");
      assertThat(families)
          .allSatisfy(family -> assertThat(benchmarks).anyMatch(name -> name.startsWith(family)));
    }
  }

  private static String camelCase(String family) {
    return Arrays.stream(family.split("_"))
        .map(word -> Character.toUpperCase(word.charAt(0)) + word.substring(1))
        .collect(Collectors.joining());
  }

  @Test
  void a_wrong_result_is_not_timed() {
    assertThatThrownBy(
            () -> Verification.equal("logprob", new double[] {1.1}, new double[] {1}, 1e-3, 1e-3))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContainingAll("logprob[0]", "1.1", "expected 1.0");
    assertThatThrownBy(
            () ->
                Verification.equal(
                    "logprob", new double[] {Double.NaN}, new double[] {1}, 1e-3, 1e-3))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void a_pattern_without_a_match_is_refused_with_the_names() {
    assertThatThrownBy(() -> new Suite(true, 1, folder).run(Pattern.compile("nothing"), m -> {}))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("nothing", "SamplingBenchmark");
  }
}
