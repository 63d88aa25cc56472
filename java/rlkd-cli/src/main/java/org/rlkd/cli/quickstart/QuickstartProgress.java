package org.rlkd.cli.quickstart;

import java.util.function.Function;
import org.rlkd.engine.generation.GenerationListener;
import org.rlkd.engine.training.StepListener;

/** Shows how each stage of a {@link Quickstart} goes. */
public interface QuickstartProgress {
  /**
   * Runs a training stage.
   *
   * @param watched the metric to show
   */
  <T> T training(String task, String watched, Function<StepListener, T> work);

  /** Runs a stage that samples so many completions. */
  <T> T generation(String task, long completions, Function<GenerationListener, T> work);
}
