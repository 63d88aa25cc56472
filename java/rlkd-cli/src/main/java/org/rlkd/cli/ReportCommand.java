package org.rlkd.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import org.rlkd.cli.report.Report;
import org.rlkd.core.InputException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rlkd report DIR}: the HTML page about a run. */
@Command(
    name = "report",
    description = "Writes one self-contained HTML page about a run directory.",
    mixinStandardHelpOptions = true)
final class ReportCommand implements Runnable {
  @Parameters(paramLabel = "DIR", description = "Output directory of a run.")
  private Path directory;

  @Option(names = "--out", paramLabel = "FILE", description = "Default: report.html in DIR.")
  private Path out;

  @Override
  public void run() {
    if (!Files.isDirectory(directory)) {
      throw new InputException(
          "%s is not a directory. Give the output directory of a run.".formatted(directory));
    }
    Path target = out == null ? directory.resolve("report.html") : out;
    new Report(directory).write(target);
    System.out.println(target);
  }
}
