package org.rlkd.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.data.conversion.ProblemSplit;
import org.rlkd.core.data.conversion.TeacherRows;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rlkd data rlkd}: problems with teacher paths, for train and eval. */
@Command(
    name = "rlkd",
    description = {
      "Makes training data of a teacher's generations: problem, answer, and the reasoning of its"
          + " right generations.",
      "Rows in: problem, answer, generations, correctness_math_verify (OpenR1; without verdicts the"
          + " answers are compared). Writes DIR/train and DIR/test, which never share a problem.",
      "Started again after it was killed, it goes on where it was."
    },
    mixinStandardHelpOptions = true)
final class DataRlkdCommand implements Runnable {
  private static final int BATCH = 64;

  @Mixin private ConversionOptions conversion;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "Made if needed.")
  private Path out;

  @Option(
      names = "--format",
      defaultValue = "jsonl",
      paramLabel = "KIND",
      description = "jsonl, jsonl.gz or parquet. Default: ${DEFAULT-VALUE}.")
  private String format;

  @Option(
      names = "--paths",
      defaultValue = "4",
      paramLabel = "N",
      description = "Most teacher paths for each problem. Default: ${DEFAULT-VALUE}.")
  private int paths;

  @Option(
      names = "--test-share",
      defaultValue = "0.1",
      paramLabel = "SHARE",
      description =
          "Of the problems, by the hash of their normalised text. Default: ${DEFAULT-VALUE}.")
  private double testShare;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "Of the split. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Override
  public void run() {
    if (paths < 1) {
      throw new UsageException("--paths %d: expected at least 1".formatted(paths));
    }
    if (!(testShare >= 0 && testShare <= 1)) {
      throw new UsageException(
          "--test-share %s: expected a number from 0 to 1".formatted(testShare));
    }
    if (!List.of("jsonl", "jsonl.gz", "parquet").contains(format)) {
      throw new UsageException(
          "--format '%s': expected jsonl, jsonl.gz or parquet".formatted(format));
    }
    try {
      Files.createDirectories(out);
    } catch (IOException e) {
      throw new InputException("--out %s cannot be made: %s".formatted(out, e), e);
    }
    conversion.run(
        "data rlkd",
        List.of(out.resolve("train." + format), out.resolve("test." + format)),
        new TeacherRows(paths, new ProblemSplit(testShare, seed)),
        BATCH);
  }
}
