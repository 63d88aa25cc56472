package org.rlkd.cli;

import java.nio.file.Path;
import org.rlkd.core.config.SftConfig;
import org.rlkd.engine.run.SftRun;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rlkd sft}: supervised fine-tuning, by a configuration. */
@Command(
    name = "sft",
    description = "Fine-tunes a model on texts, prompts with completions, or conversations.",
    mixinStandardHelpOptions = true)
final class SftCommand implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(SftCommand.class);

  @Mixin private TrainingOptions options;

  @Override
  public void run() {
    SftConfig config = SftConfig.load(options.file(), options.settings());
    config.notApplicable().forEach(LOG::info);
    try (StopSignals signals = StopSignals.install();
        TrainingProgress progress = new TrainingProgress("sft", "loss", signals::requested)) {
      Path directory = new SftRun(config).run(progress);
      System.out.println(directory);
    }
  }
}
