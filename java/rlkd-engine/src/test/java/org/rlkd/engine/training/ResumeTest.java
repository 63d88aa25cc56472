package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs in processes of their own, one of which is really killed. */
class ResumeTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path directory;

  @Test
  void six_steps_at_once_equal_three_a_kill_and_three() throws Exception {
    Path whole = Files.createDirectory(directory.resolve("whole"));
    Path resumed = Files.createDirectory(directory.resolve("resumed"));
    complete(ForkedRun.start(ForkedRun.class, List.of(), whole.toString(), "0"));

    Process killed = ForkedRun.start(ForkedRun.class, List.of(), resumed.toString(), "5000");
    assertThat(ForkedRun.readTo(killed, "step 4")).endsWith("step 3", "step 4");
    Process second = ForkedRun.start(ForkedRun.class, List.of(), resumed.toString(), "0");
    assertThat(ForkedRun.readTo(second, null))
        .as("a second run in the same directory")
        .anyMatch(line -> line.contains("Another run (process " + killed.pid() + ")"));
    killed.destroyForcibly();
    assertThat(killed.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(killed.exitValue()).as("exit by SIGKILL").isEqualTo(128 + 9);
    assertThat(resumed.resolve("checkpoint-3")).isDirectory();
    assertThat(resumed.resolve("checkpoint-6")).doesNotExist();
    assertThat(Files.readAllLines(resumed.resolve("metrics.jsonl"))).hasSizeBetween(3, 5);

    List<String> output =
        complete(ForkedRun.start(ForkedRun.class, List.of(), resumed.toString(), "0"));
    assertThat(output).contains("step 4").doesNotContain("step 3");

    for (String file :
        List.of("model.safetensors", "optimizer.safetensors", "trainer_state.json")) {
      assertThat(resumed.resolve("checkpoint-6").resolve(file))
          .hasSameBinaryContentAs(whole.resolve("checkpoint-6").resolve(file));
    }
    assertThat(metrics(resumed)).hasSize(ForkedRun.STEPS).isEqualTo(metrics(whole));
    assertThat(resumed.resolve("completions.jsonl"))
        .hasSameBinaryContentAs(whole.resolve("completions.jsonl"));
  }

  /**
   * RLIMIT_FSIZE makes writes fail as a full disk does: in the middle of a file, with an
   * IOException.
   */
  @Test
  void a_disk_that_fills_up_while_saving_is_an_error_and_leaves_no_checkpoint() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "no /bin/bash to limit file sizes");
    List<String> limited =
        List.of("/bin/bash", "-c", "ulimit -f 80; trap '' XFSZ; exec \"$@\"", "bash");
    Process process = ForkedRun.start(ForkedRun.class, limited, directory.toString(), "0");
    List<String> output = ForkedRun.readTo(process, null);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(String.join("\n", output)).isEqualTo(1);
    assertThat(output.get(output.size() - 1))
        .startsWith("InputException: ")
        .containsPattern("cannot write .*\\.safetensors");
    assertThat(ForkedRun.files(directory))
        .as("files left behind")
        .noneMatch(file -> file.contains("checkpoint"));
  }

  private static List<String> complete(Process process) throws Exception {
    List<String> output = ForkedRun.readTo(process, null);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(String.join("\n", output)).isZero();
    return output;
  }

  /** The lines of metrics.jsonl without what a clock says. */
  private static List<String> metrics(Path run) throws IOException {
    List<String> lines = new ArrayList<>();
    for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
      ObjectNode metrics = (ObjectNode) JSON.readTree(line);
      List<String> times = new ArrayList<>();
      metrics
          .fieldNames()
          .forEachRemaining(
              name -> {
                if (name.startsWith("time/")
                    || List.of("step_time", "tokens_per_second").contains(name)) {
                  times.add(name);
                }
              });
      lines.add(metrics.remove(times).toString());
    }
    return lines;
  }
}
