package org.rlkd.engine.tensor;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;

/**
 * The number of CPU threads of the process. LibTorch, librlkd and OpenBLAS, which computes
 * LibTorch's matrix products, share one OpenMP pool: OpenBLAS's own threads would wait by spinning
 * beside it.
 */
public final class CpuThreads {
  static {
    NativeLibrary.require();
    Loader.load(openblas.class);
    Pointer setter = Loader.addressof("openblas_set_threads_callback_function");
    NativeLibrary.check(rlkd.rlkd_openblas_use_openmp(setter));
  }

  private CpuThreads() {}

  /** Does nothing but load this class, which shares the pool. */
  static void share() {}

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
