package org.rlkd.cli;

import java.util.function.Function;
import org.rlkd.cli.quickstart.QuickstartProgress;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.training.StepListener;

/** A progress bar for each stage of a quickstart. */
final class StageBars implements QuickstartProgress {
  @Override
  public <T> T training(String task, String watched, Function<StepListener, T> work) {
    try (TrainingProgress progress = new TrainingProgress(task, watched, () -> false)) {
      return work.apply(progress);
    }
  }

  @Override
  public <T> T generation(String task, long completions, Function<GenerationListener, T> work) {
    try (Progress progress = new Progress(task, completions, "completions")) {
      return work.apply(progress.generation());
    }
  }
}
