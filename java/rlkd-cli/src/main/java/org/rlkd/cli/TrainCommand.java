package org.rlkd.cli;

import java.nio.file.Path;
import org.rlkd.cli.report.Report;
import org.rlkd.core.config.GrpoConfig;
import org.rlkd.engine.run.GrpoRun;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rlkd train}: GRPO with structure rewards, by a configuration. */
@Command(
    name = "train",
    description = "Trains a model by GRPO with the configured rewards.",
    mixinStandardHelpOptions = true)
final class TrainCommand implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(TrainCommand.class);

  @Mixin private TrainingOptions options;

  @Override
  public void run() {
    GrpoConfig config = GrpoConfig.load(options.file(), options.settings());
    config.notApplicable().forEach(LOG::info);
    Path directory;
    try (StopSignals signals = StopSignals.install();
        TrainingProgress progress = new TrainingProgress("train", "reward", signals::requested)) {
      directory = new GrpoRun(config).run(progress);
    }
    new Report(directory).write(directory.resolve("report.html"));
    System.out.println(directory);
  }
}
