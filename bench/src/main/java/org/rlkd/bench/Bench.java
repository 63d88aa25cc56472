package org.rlkd.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.rlkd.bench.growth.GrowthReport;
import org.rlkd.bench.soak.SoakCommand;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rlkd bench}, which the launcher starts. */
@Command(
    name = "rlkd bench",
    description = {
      "Measures kernels, head, generation and training step with JMH, each after a check of its result,"
          + " against the bandwidth and arithmetic that the machine reaches in the same JVM.",
      "Writes JSON, and a table beside it in Markdown."
    },
    subcommands = {Contender.class, GrowthReport.class, SoakCommand.class},
    mixinStandardHelpOptions = true)
public final class Bench implements Runnable {
  @Option(names = "--quick", description = "One shape of each, in less than three minutes.")
  private boolean quick;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      defaultValue = "target/bench/results.json",
      description = "Default: ${DEFAULT-VALUE}.")
  private Path json;

  @Option(
      names = "--compare",
      paramLabel = "FILE",
      description = "Prints ratios to an earlier run's JSON of the same machine.")
  private Path compare;

  @Option(names = "--force", description = "With --compare: another machine's file too, marked.")
  private boolean force;

  @Option(
      names = "--filter",
      paramLabel = "REGEX",
      defaultValue = "",
      description = "Only benchmarks whose class name contains a match.")
  private String filter;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of LibTorch, OpenBLAS and librlkd. Default: all processors.")
  private Integer threads;

  @Option(
      names = "--log",
      paramLabel = "DIR",
      defaultValue = "target/bench/jmh",
      description = "For what JMH says. Default: ${DEFAULT-VALUE}.")
  private Path log;

  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    CommandLine commandLine = new CommandLine(new Bench());
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setExecutionExceptionHandler(
        (exception, failed, parsed) -> {
          if (exception instanceof InputException || exception instanceof UsageException) {
            failed.getErr().println("rlkd: " + exception.getMessage());
            return exception instanceof UsageException ? 2 : 1;
          }
          throw exception;
        });
    System.exit(commandLine.execute(arguments));
  }

  @Override
  public void run() {
    int used = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    if (used < 1) {
      throw new UsageException("--threads %d: expected at least 1".formatted(used));
    }
    Machine machine = Machine.here(used);
    Results before = compare == null ? null : Results.read(compare);
    if (before != null) { // known before minutes are spent
      Comparison.requireSame(before.machine(), machine, force);
    }
    try {
      Files.createDirectories(log);
    } catch (IOException e) {
      throw new InputException("--log %s cannot be made: %s".formatted(log, e), e);
    }
    List<Measurement> measurements =
        new Suite(quick, used, log)
            .run(
                pattern(),
                m ->
                    System.err.printf(
                        "%s: %s, %.0f %% of the limit%n",
                        m.label(), Results.seconds(m.medianSeconds()), 100 * m.shareOfLimit()));
    Results results =
        new Results(
            machine,
            NativeLibrary.version(),
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            measurements);
    results.write(json);
    System.out.print(results.table());
    if (before != null) {
      System.out.println();
      System.out.print(new Comparison(before, results, force).table());
    }
  }

  private Pattern pattern() {
    try {
      return Pattern.compile(filter);
    } catch (PatternSyntaxException e) {
      throw new UsageException("--filter: " + e.getMessage(), e);
    }
  }
}
