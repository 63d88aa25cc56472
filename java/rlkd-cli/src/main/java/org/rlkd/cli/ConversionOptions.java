package org.rlkd.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.rlkd.core.UsageException;
import org.rlkd.core.data.conversion.Conversion;
import org.rlkd.core.data.conversion.ConversionListener;
import org.rlkd.core.data.conversion.RowConverter;
import picocli.CommandLine.Option;

/** The options of every {@code rlkd data} command. */
final class ConversionOptions {
  @Option(
      names = "--input",
      required = true,
      arity = "1..*",
      paramLabel = "FILE",
      description = "JSONL, gzip or Parquet.")
  private List<Path> inputs;

  @Option(
      names = "--max-bad",
      paramLabel = "N",
      defaultValue = "100",
      description =
          "Bad rows that are reported and left out before the command fails. Default:"
              + " ${DEFAULT-VALUE}.")
  private long maxBad;

  /**
   * Converts, with a progress bar, and prints what became of the rows.
   *
   * @param batchSize rows given to the converter at a time
   */
  void run(String task, List<Path> outputs, RowConverter converter, int batchSize) {
    if (maxBad < 0) {
      throw new UsageException("--max-bad %d: expected at least 0".formatted(maxBad));
    }
    Map<String, Long> counts;
    try (Bar bar = new Bar(task)) {
      counts = new Conversion(inputs, outputs, converter, batchSize, maxBad, bar).run();
    }
    counts.forEach((what, rows) -> System.out.printf("%,12d rows %s%n", rows, what));
    outputs.forEach(System.out::println);
  }

  private static final class Bar implements ConversionListener, AutoCloseable {
    private final Progress progress;

    Bar(String task) {
      progress = new Progress(task, 100, "%");
    }

    @Override
    public void progress(double share, long rows, long bad) {
      progress.to(Math.round(100 * share), "%,d rows, %,d bad".formatted(rows, bad));
    }

    @Override
    public void bad(String message) {
      System.err.println();
      System.err.println("left out: " + message);
    }

    @Override
    public void close() {
      progress.close();
    }
  }
}
