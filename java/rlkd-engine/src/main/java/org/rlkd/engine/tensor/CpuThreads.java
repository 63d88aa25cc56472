package org.rlkd.engine.tensor;

import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.global.torch;

/**
 * The number of CPU threads of the process: LibTorch and librlkd share one OpenMP pool, the matrix
 * products have OpenBLAS's own, which LibTorch does not set.
 *
 * <p>OpenBLAS waits for its threads by spinning: more threads than free processors make a small
 * product many times slower (96 x 128 x 128 on a busy machine: 50 us with one thread, 500 us and
 * more with two).
 */
public final class CpuThreads {
  private CpuThreads() {}

  /** LibTorch's threads. */
  public static int count() {
    return torch.get_num_threads();
  }

  /** Sets both, for all threads that call LibTorch from now on; {@code count} is at least 1. */
  public static void set(int count) {
    set(count, count);
  }

  /**
   * Sets them apart: a model whose products are small gains nothing from several {@code
   * blasThreads}.
   */
  public static void set(int count, int blasThreads) {
    torch.set_num_threads(count);
    openblas.blas_set_num_threads(blasThreads);
  }
}
