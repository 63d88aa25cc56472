package org.rlkd.core.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rlkd.core.UsageException;

class DeviceSpecTest {

  @ParameterizedTest
  @CsvSource({"cpu, CPU, 0, cpu", "cuda, CUDA, 0, cuda:0", "cuda:0, CUDA, 0, cuda:0"})
  void a_name_says_kind_and_index(String text, DeviceSpec.Kind kind, int index, String shown) {
    DeviceSpec device = DeviceSpec.parse(text).orElseThrow();
    assertThat(device).isEqualTo(new DeviceSpec(kind, index)).hasToString(shown);
  }

  @Test
  void an_index_above_9_is_read_whole() {
    assertThat(DeviceSpec.parse("cuda:17")).contains(new DeviceSpec(DeviceSpec.Kind.CUDA, 17));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "gpu", "CUDA", "cpu:0", "cuda:", "cuda:-1", "cuda:01", "cuda:1x", "cuda:1000"})
  void other_names_are_no_device(String text) {
    assertThat(DeviceSpec.parse(text)).isEmpty();
  }

  @Test
  void the_configuration_takes_an_index_and_names_what_it_expects() {
    assertThat(machine("rlkd.device=cuda:2").device())
        .isEqualTo(new DeviceSpec(DeviceSpec.Kind.CUDA, 2));
    assertThatThrownBy(() -> machine("rlkd.device=gpu"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("rlkd.device")
        .hasMessageContaining("gpu")
        .hasMessageContaining("cpu, cuda or cuda:INDEX");
  }

  private static MachineConfig machine(String setting) {
    return GrpoConfig.load(
            Optional.empty(), List.of(setting, "output_dir=out", "reward_funcs=accuracy"))
        .machine();
  }
}
