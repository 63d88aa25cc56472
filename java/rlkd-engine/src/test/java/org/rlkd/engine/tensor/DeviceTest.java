package org.rlkd.engine.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.DeviceSpec;

class DeviceTest {

  @Test
  void the_cpu_computes_in_float32_on_the_cpu_kernels_in_host_memory() {
    Device device = Device.open(DeviceSpec.CPU);
    assertThat(device.weightType()).isEqualTo(ScalarType.Float);
    assertThat(device.context().backend()).isEqualTo(rlkd.RLKD_BACKEND_CPU);
    assertThat(device.context().stream()).isNull();
    try (PointerScope scope = new PointerScope()) {
      Tensor host = HostArrays.floats(new float[] {1, 2}, 2);
      assertThat(device.place(host)).isSameAs(host);
      assertThat(HostArrays.toLongs(device.longs(new long[] {3, 4, 5, 6}, 2, 2)))
          .containsExactly(3, 4, 5, 6);
      assertThat(device.empty(ScalarType.BFloat16, 2, 3).scalar_type().intern())
          .isEqualTo(ScalarType.BFloat16);
      assertThat(HostArrays.toFloats(device.zeros(ScalarType.Float, 3))).containsOnly(0);
    }
  }

  @Test
  void a_context_outlives_the_scope_in_which_its_device_was_made() {
    Device device;
    try (PointerScope scope = new PointerScope()) {
      device = new HostDevice(rlkd.RLKD_BACKEND_REFERENCE, ScalarType.Float);
    }
    assertThat(device.context().isNull()).isFalse();
    assertThat(device.context().backend()).isEqualTo(rlkd.RLKD_BACKEND_REFERENCE);
  }

  @Test
  void cuda_is_refused_with_the_reason_where_the_build_has_none() {
    assumeThat(NativeLibrary.backendUnavailable(rlkd.RLKD_BACKEND_CUDA)).isPresent();
    assertThatThrownBy(() -> Device.open(new DeviceSpec(DeviceSpec.Kind.CUDA, 1)))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("cuda:1")
        .hasMessageContaining(
            NativeLibrary.backendUnavailable(rlkd.RLKD_BACKEND_CUDA).orElseThrow())
        .hasMessageContaining("expected librlkd with CUDA")
        .hasMessageContaining("-Pgpu")
        .hasMessageContaining("--device cpu");
  }
}
