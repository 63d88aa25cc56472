package org.rlkd.engine.training;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Says which stage of a run is slow while it still is: a stage that takes {@value #TIMES_MEDIAN}
 * times the median of its last {@value #REMEMBERED} runs, and at least the limit, or the first time
 * {@value #TIMES_MEDIAN} times the limit. Each time that it has doubled since, it is told again.
 */
public final class StageWatchdog implements AutoCloseable {
  /** Seconds below which no stage counts as slow. */
  public static final double LIMIT_SECONDS = 30;

  private static final int TIMES_MEDIAN = 10;
  private static final int REMEMBERED = 31;

  private final double limitSeconds;
  private final Consumer<String> warnings;
  private final Map<String, Deque<Double>> durations = new HashMap<>();
  private final Thread thread;
  private String stage;
  private long begun;
  private double warnAt;

  /**
   * Starts to watch.
   *
   * @param limitSeconds what a stage may take at least
   * @param warnings receives a line about a slow stage, on the watchdog's own thread
   */
  public StageWatchdog(double limitSeconds, Consumer<String> warnings) {
    this.limitSeconds = limitSeconds;
    this.warnings = warnings;
    this.thread = new Thread(this::watch, "rlkd-watchdog");
    thread.setDaemon(true);
    thread.start();
  }

  /** A stage begins; the one before, if there was one, has ended. */
  public synchronized void begin(String name) {
    end();
    stage = name;
    begun = System.nanoTime();
    warnAt = Math.max(limitSeconds, TIMES_MEDIAN * median(name));
  }

  /** No stage goes on. */
  public synchronized void end() {
    if (stage != null) {
      Deque<Double> last = durations.computeIfAbsent(stage, name -> new ArrayDeque<>());
      last.addLast(elapsed());
      if (last.size() > REMEMBERED) {
        last.removeFirst();
      }
      stage = null;
    }
  }

  /** Of the stage's last runs; where there is none, the limit. */
  private double median(String name) {
    Deque<Double> last = durations.get(name);
    return last == null
        ? limitSeconds
        : last.stream().sorted().skip(last.size() / 2).findFirst().orElseThrow();
  }

  private double elapsed() {
    return (System.nanoTime() - begun) * 1e-9;
  }

  private void watch() {
    long pause = Math.max(1, (long) (limitSeconds * TimeUnit.SECONDS.toMillis(1) / 20));
    try {
      while (true) {
        Thread.sleep(pause);
        String warning = warning();
        if (warning != null) {
          warnings.accept(warning);
        }
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  private synchronized String warning() {
    if (stage == null || elapsed() < warnAt) {
      return null;
    }
    String usual =
        durations.containsKey(stage)
            ? "its median is %.3g s".formatted(median(stage))
            : "it is the first";
    String warning = "%s is slow: %.0f s so far, %s".formatted(stage, elapsed(), usual);
    warnAt = 2 * elapsed();
    return warning;
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
