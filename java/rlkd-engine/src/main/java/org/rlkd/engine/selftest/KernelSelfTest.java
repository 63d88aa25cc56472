package org.rlkd.engine.selftest;

import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_REFERENCE;

import java.util.ArrayList;
import java.util.List;
import org.rlkd.bindings.NativeException;

/**
 * Compares a backend of librlkd with its fp64 reference on small random inputs, every kernel family
 * in about a second: whether the library works on this machine. It is not a proof: that is the test
 * suite of the kernels.
 */
public final class KernelSelfTest {
  private final List<KernelCheck> checks;

  /** A test with the given checks. */
  public KernelSelfTest(List<KernelCheck> checks) {
    this.checks = List.copyOf(checks);
  }

  /** Every kernel family. */
  public static KernelSelfTest ofAllKernels() {
    return new KernelSelfTest(
        List.of(
            new LogprobForwardCheck(),
            new LogprobBackwardCheck(),
            new GroupAdvantageCheck(),
            new PolicyLossCheck(),
            new StructureAlignmentCheck(),
            new SamplingCheck(),
            new DecodeAttentionCheck(),
            new GradNormCheck(),
            new AdamWCheck()));
  }

  /**
   * Runs the checks.
   *
   * @param backend an {@code RLKD_BACKEND_*} constant
   * @return a result for each check, in order; a call that the library refuses is a failed check
   */
  public List<CheckResult> run(int backend) {
    List<CheckResult> results = new ArrayList<>();
    for (KernelCheck check : checks) {
      try {
        results.add(
            CheckResult.compare(
                check.name(),
                check.tolerance(),
                check.run(backend),
                check.run(RLKD_BACKEND_REFERENCE)));
      } catch (NativeException e) {
        results.add(CheckResult.failed(check.name(), check.tolerance(), e.getMessage()));
      }
    }
    return results;
  }
}
