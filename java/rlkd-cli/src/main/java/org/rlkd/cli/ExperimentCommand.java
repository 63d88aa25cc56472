package org.rlkd.cli;

import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.stream.LongStream;
import org.rlkd.cli.experiment.Experiment;
import org.rlkd.core.UsageException;
import org.rlkd.engine.tensor.CpuThreads;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rlkd experiment}: the paper's claim on the quickstart's task. */
@Command(
    name = "experiment",
    description = {
      "Compares SFT, GRPO and the forms of RLKD on the quickstart's task over several seeds: accuracy"
          + " with intervals on held-out and on longer problems, a table, a plot, the costs.",
      "Started again with the same --out it goes on where it was."
    },
    mixinStandardHelpOptions = true)
final class ExperimentCommand implements Runnable {
  @Option(
      names = "--seeds",
      paramLabel = "N",
      defaultValue = "5",
      description = "Seeds 0 to N - 1. Default: ${DEFAULT-VALUE}.")
  private int seeds;

  @Option(
      names = "--arms",
      split = ",",
      paramLabel = "ARM",
      description = "Only these, by commas. Default: all of ${COMPLETION-CANDIDATES}.",
      completionCandidates = ArmKeys.class)
  private List<String> arms = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "experiment",
      description = "Output directory. Default: ${DEFAULT-VALUE}.")
  private Path out;

  @Option(
      names = "--size",
      defaultValue = "full",
      description = "full, or small: every arm, too short to learn much. Default: full.")
  private QuickstartCommand.Size size;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "CPU threads. Default: 1, as the student's matrices are small.")
  private int threads;

  /** For the help text. */
  static final class ArmKeys implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Experiment.armKeys().iterator();
    }
  }

  @Override
  public void run() {
    if (seeds < 1) {
      throw new UsageException("--seeds %d: expected at least 1".formatted(seeds));
    }
    if (threads < 1) {
      throw new UsageException("--threads %d: expected at least 1".formatted(threads));
    }
    CpuThreads.set(threads, 1);
    Experiment experiment =
        new Experiment(
            out,
            size.name().toLowerCase(Locale.ROOT),
            LongStream.range(0, seeds).boxed().toList(),
            arms,
            new StageBars());
    System.out.print(experiment.run());
    System.out.println("plot: " + out.resolve("plot.svg"));
  }
}
