package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.rlkd.bindings.NativeLibrary;

/** One semantic version: of the command, of librlkd, and the newest of the change log. */
class VersionTest {
  @Test
  void the_command_the_native_library_and_the_change_log_agree() throws IOException {
    CapturedRun run = CapturedRun.of("--version");
    assertThat(run.exitCode()).as(run.err()).isZero();
    String version = NativeLibrary.version();
    assertThat(run.out().strip()).isEqualTo("rlkd " + version);
    assertThat(version).matches("(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)");
    Path changes = Path.of(System.getProperty("rlkd.root"), "CHANGELOG.md");
    assertThat(
            Files.readAllLines(changes).stream()
                .filter(line -> line.matches("## \\[\\d.*"))
                .findFirst())
        .hasValueSatisfying(line -> assertThat(line).startsWith("## [" + version + "]"));
  }
}
