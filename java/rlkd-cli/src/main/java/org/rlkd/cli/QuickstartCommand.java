package org.rlkd.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.cli.quickstart.Quickstart;
import org.rlkd.cli.report.Report;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.engine.tensor.CpuThreads;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rlkd quickstart}: the whole of RLKD in minutes, on a task that it makes itself. */
@Command(
    name = "quickstart",
    description = {
      "Trains a student with RLKD end to end: makes a data set of multi-step problems, a student that"
          + " half-knows them, a decomposer; runs RLKD; evaluates before and after; writes a report."
    },
    mixinStandardHelpOptions = true)
final class QuickstartCommand implements Runnable {
  /** Sizes a run can have. */
  enum Size {
    FULL,
    SMALL
  }

  @Option(names = "--seed", defaultValue = "0", description = "Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Output directory, empty or new. Default: the next free quickstart/run-N.")
  private Path out;

  @Option(
      names = "--size",
      defaultValue = "full",
      description = "full, or small: every stage, too short to learn much. Default: full.")
  private Size size;

  @Option(
      names = "--compare-sft",
      description = "Also train the cold start on the teacher paths of RL's problems.")
  private boolean compareSft;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "CPU threads. Default: 1, as the student's matrices are too small for a second thread to"
              + " help.")
  private int threads;

  @Override
  public void run() {
    Path directory = out == null ? nextFree(Path.of("quickstart")) : requireEmpty(out);
    if (threads < 1) {
      throw new UsageException("--threads %d: expected at least 1".formatted(threads));
    }
    CpuThreads.set(threads, 1);
    Quickstart.Result result =
        new Quickstart(
                directory, size.name().toLowerCase(Locale.ROOT), seed, compareSft, new StageBars())
            .run(versions());
    new Report(directory).write(directory.resolve("report.html"));
    System.out.println();
    System.out.print(result.table());
    System.out.println("report: " + directory.resolve("report.html"));
  }

  private static Map<String, String> versions() {
    Map<String, String> versions = new LinkedHashMap<>();
    versions.put("rlkd", Version.current());
    versions.put("librlkd", NativeLibrary.version());
    versions.put("libtorch", libTorchVersion());
    versions.put("java", System.getProperty("java.version"));
    return versions;
  }

  /** Of LibTorch and, after the dash, of the JavaCPP that binds it. */
  private static String libTorchVersion() {
    try {
      return Loader.getVersion("org.bytedeco", "pytorch");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path nextFree(Path parent) {
    int number = 1;
    while (Files.exists(parent.resolve("run-" + number))) {
      number++;
    }
    return parent.resolve("run-" + number);
  }

  private static Path requireEmpty(Path directory) {
    if (Files.exists(directory)) {
      try (Stream<Path> entries = Files.list(directory)) {
        if (entries.findAny().isPresent()) {
          throw new UsageException(
              "--out %s is not empty: choose another directory, or remove it first"
                  .formatted(directory));
        }
      } catch (IOException e) {
        throw new InputException(
            "--out %s cannot be read: %s. Choose another directory.".formatted(directory, e), e);
      }
    }
    return directory;
  }
}
