package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.stream.DoubleStream;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostDevice;

class DeviceGrpoTest {
  @TempDir Path directory;

  @Test
  void a_step_on_the_reference_kernels_is_that_on_the_cpu_kernels() {
    Device reference = new HostDevice(rlkd.RLKD_BACKEND_REFERENCE, ScalarType.Float);
    TinyRlkd.Outcome expected = TinyRlkd.step(Device.CPU, directory, 1);
    assertThat(DoubleStream.of(expected.structure()).max().orElseThrow()).isPositive();
    StepTolerance.FLOAT32.check(TinyRlkd.step(reference, directory, 1), expected);
  }
}
