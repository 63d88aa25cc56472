package org.rlkd.engine.training;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.rlkd.engine.tensor.CpuThreads;

/**
 * Runs {@link TinyRlkd} in a process of its own and says after some of the steps what is alive:
 * "step N: H bytes of heap, P pointers".
 */
final class LeftoverProbe {
  private LeftoverProbe() {}

  /**
   * Arguments: a directory, the steps after which to look by rising number; the last ends the run.
   */
  public static void main(String[] args) {
    CpuThreads.set(1);
    List<Long> steps = Arrays.stream(args).skip(1).map(Long::valueOf).toList();
    TinyRlkd.run(
        Path.of(args[0]),
        steps.get(steps.size() - 1),
        report -> {
          if (steps.contains(report.step())) {
            System.out.printf(
                "step %d: %d bytes of heap, %d pointers%n",
                report.step(), heap(), Pointer.totalCount());
          }
          return true;
        });
  }

  /** After collections that leave no reference to be cleared and no pointer to be freed. */
  private static long heap() {
    for (int i = 0; i < 3; i++) {
      System.gc();
      try {
        Thread.sleep(100); // JavaCPP's thread frees what a collection has found
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
