package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.stream.DoubleStream;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostDevice;

/**
 * The CUDA kernels under a whole training step, run on the CPU. Needs the librlkd of the tests,
 * which the Maven execution {@code emulated} loads. That every native call of a step goes to the
 * device's backend is what {@code NativeContextTest} makes sure of.
 */
@Tag("emulated")
class EmulatedGrpoTest {
  @TempDir Path directory;

  @BeforeAll
  static void the_library_of_the_tests_is_loaded() {
    assertThat(NativeLibrary.backendUnavailable(rlkd.RLKD_BACKEND_EMULATED))
        .as("why EMULATED is not available; run the Maven execution 'emulated'")
        .isEmpty();
  }

  @Test
  void a_step_on_the_cuda_kernels_is_that_on_the_cpu_kernels() {
    TinyRlkd.Outcome expected = TinyRlkd.step(Device.CPU, directory, 1);
    assertThat(DoubleStream.of(expected.structure()).max().orElseThrow()).isPositive();
    StepTolerance.FLOAT32.check(
        TinyRlkd.step(new HostDevice(rlkd.RLKD_BACKEND_EMULATED, ScalarType.Float), directory, 1),
        expected);
  }

  @Test
  void a_step_with_bfloat16_weights_samples_and_learns_as_on_a_gpu() {
    Device half = new HostDevice(rlkd.RLKD_BACKEND_EMULATED, ScalarType.BFloat16);
    TinyRlkd.Outcome outcome = TinyRlkd.step(half, directory, 1);
    assertThat(outcome.completions()).hasSize(8);
    assertThat(outcome.metrics().get("grad_norm")).isPositive();
    assertThat(outcome.metrics().get("skipped_steps")).isZero();
    // The sampler's bfloat16 states and the trainer's are rounded at the same places, but not by
    // the same sums.
    assertThat(outcome.metrics().get("sampling/sampling_logp_difference/max")).isLessThan(0.05);
  }
}
