package org.rlkd.engine.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A Python that has what an interoperation test needs: {@code $RLKD_PYTHON}, or python3.
 *
 * @param interpreter command
 * @param folder for its scripts and their output
 */
record Python(String interpreter, Path folder) {
  private static final long LIMIT_SECONDS = 300;

  private static final String NAME_MISSING =
      "import importlib.util, sys\n"
          + "print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m) is None])";

  private record Run(int exitCode, String out, String err) {}

  /**
   * An interpreter with the packages; where there is none the test is skipped and says so. One that
   * {@code RLKD_PYTHON} names must have them.
   */
  static Python with(Path folder, String... packages) throws IOException, InterruptedException {
    String named = System.getenv("RLKD_PYTHON");
    Python python = new Python(named == null ? "python3" : named, folder);
    String lacks;
    try {
      Run run = python.run(List.of("-c", NAME_MISSING), packages);
      lacks = run.exitCode == 0 ? run.out.strip() : run.err;
    } catch (IOException e) {
      lacks = "itself: " + e.getMessage();
    }
    if (named != null) {
      assertThat(lacks).as("what RLKD_PYTHON=%s lacks", named).isEmpty();
    }
    assumeTrue(
        lacks.isEmpty(),
        "%s lacks %s; name a Python with %s in RLKD_PYTHON"
            .formatted(python.interpreter, lacks, List.of(packages)));
    return python;
  }

  /** Runs a script of the resources; its standard output. */
  String script(String name, String... arguments) throws IOException, InterruptedException {
    Path file = folder.resolve(name);
    try (InputStream in = Python.class.getResourceAsStream(name)) {
      Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
    }
    Run run = run(List.of(file.toString()), arguments);
    assertThat(run.exitCode).as("%s: %s", name, run.err).isZero();
    return run.out;
  }

  private Run run(List<String> program, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(interpreter));
    command.addAll(program);
    command.addAll(List.of(arguments));
    Path out = folder.resolve("out.txt");
    Path err = folder.resolve("err.txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    builder.environment().put("HF_HUB_OFFLINE", "1");
    Process process = builder.start();
    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("%s: not done in %d s".formatted(command, LIMIT_SECONDS));
    }
    return new Run(process.exitValue(), Files.readString(out), Files.readString(err));
  }
}
