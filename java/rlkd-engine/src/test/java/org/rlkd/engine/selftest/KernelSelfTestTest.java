package org.rlkd.engine.selftest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_CPU;
import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_CUDA;
import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_REFERENCE;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rlkd.bindings.NativeLibrary;

class KernelSelfTestTest {
  private static final Tolerance TOLERANCE = new Tolerance(1e-6, 1e-3, "a test");

  private static CheckResult compare(double actual, double expected) {
    return CheckResult.compare(
        "check",
        TOLERANCE,
        Map.of("output", new double[] {1, actual}),
        Map.of("output", new double[] {1, expected}));
  }

  @Test
  void everyKernelOfTheCpuBackendAgreesWithTheReference() {
    List<CheckResult> results = KernelSelfTest.ofAllKernels().run(RLKD_BACKEND_CPU);
    assertThat(results).hasSize(9);
    assertThat(results).allSatisfy(result -> assertThat(result.failure()).isNull());
    // The two are different code: were every difference 0, one had been compared with itself.
    assertThat(results).anySatisfy(r -> assertThat(r.largestDifference()).isPositive());
  }

  @Test
  void aBackendThatIsNotThereFailsEveryCheckWithItsReason() {
    assumeTrue(
        NativeLibrary.backendUnavailable(RLKD_BACKEND_CUDA).isPresent(), "CUDA is in this build");
    assertThat(KernelSelfTest.ofAllKernels().run(RLKD_BACKEND_CUDA))
        .allSatisfy(result -> assertThat(result.failure()).contains("CUDA"));
  }

  /** The real inputs and the real kernel; one of its outputs changed as a broken one would. */
  @Test
  void aWrongValueOfOneBackendIsFoundAndNamed() {
    KernelCheck real = new LogprobForwardCheck();
    KernelCheck broken =
        new KernelCheck() {
          @Override
          public String name() {
            return real.name();
          }

          @Override
          public Tolerance tolerance() {
            return real.tolerance();
          }

          @Override
          public Map<String, double[]> run(int backend) {
            Map<String, double[]> outputs = real.run(backend);
            if (backend != RLKD_BACKEND_REFERENCE) {
              outputs.get("entropy")[5] += 1e-4;
            }
            return outputs;
          }
        };
    CheckResult result = new KernelSelfTest(List.of(broken)).run(RLKD_BACKEND_CPU).get(0);
    assertThat(result.passed()).isFalse();
    assertThat(result.failure()).startsWith("entropy[5] is ");
    assertThat(result.largestDifference()).isBetween(0.99e-4, 1.01e-4);
  }

  @Test
  void theToleranceIsAbsolutePlusRelative() {
    assertThat(compare(1000.9, 1000).passed()).isTrue();
    assertThat(compare(1001.1, 1000).passed()).isFalse();
    assertThat(compare(9e-7, 0).passed()).isTrue();
    assertThat(compare(2e-6, 0).failure()).isEqualTo("output[1] is 2.0E-6, expected 0.0");
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
  void aValueThatIsNoNumberFailsEvenWhereBothHaveIt(double value) {
    assertThat(compare(value, 1).passed()).isFalse();
    assertThat(compare(1, value).passed()).isFalse();
    assertThat(compare(Double.NaN, Double.NaN).passed()).isFalse();
    assertThat(compare(Double.NaN, Double.NaN).largestDifference()).isNaN();
  }

  @Test
  void missingOutputsAndValuesFail() {
    Map<String, double[]> two = Map.of("a", new double[] {1}, "b", new double[] {1});
    assertThat(CheckResult.compare("check", TOLERANCE, Map.of(), two).passed()).isFalse();
    assertThat(
            CheckResult.compare(
                    "check", TOLERANCE, Map.of("a", new double[0]), Map.of("a", new double[] {1}))
                .failure())
        .isEqualTo("a has 0 values, expected 1");
  }
}
