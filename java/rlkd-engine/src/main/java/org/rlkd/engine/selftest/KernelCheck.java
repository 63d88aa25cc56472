package org.rlkd.engine.selftest;

import java.util.Map;

/** A kernel with inputs to run it on. */
public interface KernelCheck {
  /** For example {@code "logprob forward"}. */
  String name();

  /** What a backend is allowed. */
  Tolerance tolerance();

  /**
   * Runs the kernel. The inputs are the same at every call, none of them gives a NaN.
   *
   * @param backend an {@code RLKD_BACKEND_*} constant
   * @return the outputs by name, flattened
   * @throws org.rlkd.bindings.NativeException if the backend refuses the call
   */
  Map<String, double[]> run(int backend);
}
