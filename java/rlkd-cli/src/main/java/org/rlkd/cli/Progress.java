package org.rlkd.cli;

import java.text.DecimalFormat;
import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.rlkd.engine.generation.GenerationListener;

/** A progress bar on standard error: how much is done, the rate, the time left. */
final class Progress implements AutoCloseable {
  private static final int REFRESH_MILLIS = 500;

  /** Where the output goes to a file, a line is written this often. */
  private static final int LOG_MILLIS = 10_000;

  private static final int LOG_WIDTH = 120;

  private final ProgressBar bar;

  /**
   * Opens a bar.
   *
   * @param task what is being done, a few words
   * @param total number of units, or -1 if it is not known
   * @param unit of the rate, for example {@code "steps"}
   */
  Progress(String task, long total, String unit) {
    this(task, total, unit, 0, Duration.ZERO);
  }

  /**
   * Opens a bar over work that is under way; rate and time left are by what is done from now on.
   *
   * @param before units already done, by this process or an earlier one
   * @param elapsed what this process has worked so far
   */
  Progress(String task, long total, String unit, long before, Duration elapsed) {
    bar =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(total)
            .startsFrom(before, elapsed)
            .setUnit(" " + unit, 1)
            .showSpeed(new DecimalFormat("0.0"))
            .setStyle(ProgressBarStyle.ASCII)
            .setMaxRenderedLength(System.console() == null ? LOG_WIDTH : -1)
            .setUpdateIntervalMillis(System.console() == null ? LOG_MILLIS : REFRESH_MILLIS)
            .build();
  }

  /** Moves the bar. */
  void to(long done, String note) {
    bar.setExtraMessage(note);
    bar.stepTo(done);
  }

  /** A bar over completions that also tells tokens a second. */
  GenerationListener generation() {
    return generation(0);
  }

  /** The same over several calls of the generator: {@code before} are done when this one begins. */
  GenerationListener generation(long before) {
    long begun = System.nanoTime();
    return progress -> {
      double seconds = (System.nanoTime() - begun) * 1e-9;
      to(
          before + progress.finishedCompletions(),
          "%.0f tokens/s".formatted(progress.generatedTokens() / seconds));
      return true;
    };
  }

  @Override
  public void close() {
    bar.close();
  }
}
