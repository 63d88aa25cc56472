package org.rlkd.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import org.rlkd.cli.report.Report;
import org.rlkd.cli.report.ReportServer;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rlkd report DIR}: the HTML page about a run. */
@Command(
    name = "report",
    description =
        "Writes one self-contained HTML page about a run directory, or serves it while the run goes"
            + " on.",
    mixinStandardHelpOptions = true)
final class ReportCommand implements Runnable {
  private static final int LAST_PORT = 65_535;

  @Parameters(paramLabel = "DIR", description = "Output directory of a run.")
  private Path directory;

  @Option(names = "--out", paramLabel = "FILE", description = "Default: report.html in DIR.")
  private Path out;

  @Option(
      names = "--serve",
      description = "Serve the page on this machine while the run goes on, until Ctrl-C.")
  private boolean serve;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "Of --serve; 0: any. Default: ${DEFAULT-VALUE}.",
      defaultValue = "8765")
  private int port;

  @Override
  public void run() {
    if (!Files.isDirectory(directory)) {
      throw new InputException(
          "%s is not a directory. Give the output directory of a run.".formatted(directory));
    }
    if (serve) {
      serve();
      return;
    }
    Path target = out == null ? directory.resolve("report.html") : out;
    new Report(directory).write(target);
    System.out.println(target);
  }

  private void serve() {
    if (out != null || port < 0 || port > LAST_PORT) {
      throw new UsageException(
          out != null
              ? "--serve writes no file; leave out --out."
              : "--port: found %d, expected 0 to %d.".formatted(port, LAST_PORT));
    }
    try (ReportServer server = new ReportServer(directory, port)) {
      System.out.println(server.address());
      Thread.currentThread().join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
