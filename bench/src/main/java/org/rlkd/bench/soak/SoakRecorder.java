package org.rlkd.bench.soak;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.bytedeco.javacpp.Pointer;
import org.rlkd.engine.memory.ProcessMemory;
import org.rlkd.engine.training.StepListener;
import org.rlkd.engine.training.StepReport;

/** Takes {@value #SAMPLES} samples of a run, evenly over a time, and ends it then. */
final class SoakRecorder implements StepListener {
  private static final int SAMPLES = 240;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private final double seconds;
  private final LongConsumer progress;
  private final List<SoakSample> samples = new ArrayList<>();
  private final List<Double> stepSeconds = new ArrayList<>();
  private final List<Double> stepCpuSeconds = new ArrayList<>();
  private long start;
  private long lastTime;
  private long lastCpu;

  /**
   * @param seconds from the end of the first step to the end of the run
   * @param progress hears of the whole seconds so far
   */
  SoakRecorder(double seconds, LongConsumer progress) {
    this.seconds = seconds;
    this.progress = progress;
  }

  @Override
  public boolean afterStep(StepReport report) {
    long now = System.nanoTime();
    if (start == 0) {
      start = now;
    } else {
      stepSeconds.add((now - lastTime) * 1e-9);
      stepCpuSeconds.add((THREADS.getCurrentThreadCpuTime() - lastCpu) * 1e-9);
      double elapsed = (now - start) * 1e-9;
      if (elapsed >= (samples.size() + 1) * seconds / SAMPLES) {
        samples.add(sample(report.step(), elapsed / 60));
      }
      progress.accept((long) Math.min(elapsed, seconds));
    }
    // What the samples cost is no part of a step.
    lastTime = System.nanoTime();
    lastCpu = THREADS.getCurrentThreadCpuTime();
    return lastTime - start < seconds * 1e9;
  }

  private SoakSample sample(long step, double minutes) {
    System.gc();
    SoakSample sample =
        new SoakSample(
            minutes,
            step,
            ProcessMemory.resident().orElse(0),
            ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
            Pointer.totalCount(),
            median(stepSeconds),
            median(stepCpuSeconds));
    stepSeconds.clear();
    stepCpuSeconds.clear();
    return sample;
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }

  /** The samples so far. */
  List<SoakSample> samples() {
    return List.copyOf(samples);
  }
}
