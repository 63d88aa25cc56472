package org.rlkd.bench;

import static org.bytedeco.pytorch.global.torch.add_out;
import static org.bytedeco.pytorch.global.torch.mm_out;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * What the machine can do, measured in the JVM of the benchmark before it: memory bandwidth by a
 * triad over arrays beyond the caches, arithmetic by LibTorch's product of two 1024 x 1024
 * matrices. JMH carries both figures to the results as counters.
 */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.EVENTS)
public class MachineLimit {
  private static final int REPEATS = 5;
  private static final long TRIAD_ELEMENTS = 16L << 20; // three arrays of 64 MiB
  private static final long GEMM_SIZE = 1024;

  private double triadBytesPerSecond;
  private double gemmFlopsPerSecond;

  @Setup(Level.Trial)
  public void measure() {
    Threads.apply();
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGradients = new NoGradGuard()) {
      Tensor a = torch.ones(TRIAD_ELEMENTS);
      Tensor b = torch.ones(TRIAD_ELEMENTS);
      Tensor c = torch.ones(TRIAD_ELEMENTS);
      Scalar factor = new Scalar(0.5);
      triadBytesPerSecond =
          3.0 * Float.BYTES * TRIAD_ELEMENTS / shortest(() -> add_out(a, b, c, factor));
      Tensor x = torch.rand(GEMM_SIZE, GEMM_SIZE);
      Tensor y = torch.rand(GEMM_SIZE, GEMM_SIZE);
      Tensor z = torch.empty(GEMM_SIZE, GEMM_SIZE);
      gemmFlopsPerSecond = 2 * Math.pow(GEMM_SIZE, 3) / shortest(() -> mm_out(z, x, y));
    }
  }

  private static double shortest(Runnable operation) {
    operation.run();
    long shortest = Long.MAX_VALUE;
    for (int i = 0; i < REPEATS; i++) {
      long start = System.nanoTime();
      operation.run();
      shortest = Math.min(shortest, System.nanoTime() - start);
    }
    return shortest * 1e-9;
  }

  /** A counter that JMH reads. */
  public double triadBytesPerSecond() {
    return triadBytesPerSecond;
  }

  /** A counter that JMH reads. */
  public double gemmFlopsPerSecond() {
    return gemmFlopsPerSecond;
  }
}
