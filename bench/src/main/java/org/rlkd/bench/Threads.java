package org.rlkd.bench;

import org.rlkd.engine.tensor.CpuThreads;

/** The threads of LibTorch, OpenBLAS and librlkd in a benchmark's JVM. */
final class Threads {
  /** System property with their number. */
  static final String PROPERTY = "rlkd.bench.threads";

  private Threads() {}

  /** Sets them, for the calling thread too. */
  static void apply() {
    CpuThreads.set(Integer.getInteger(PROPERTY, 1));
  }
}
