package org.rlkd.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_REFERENCE;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.rlkd.engine.selftest.KernelCheck;
import org.rlkd.engine.selftest.KernelSelfTest;
import org.rlkd.engine.selftest.Tolerance;

class DoctorCommandTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  private int report(DoctorCommand doctor) {
    return doctor.report(new PrintStream(bytes, true, StandardCharsets.UTF_8));
  }

  private String output() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void everySectionIsThereAndEveryKernelPasses() {
    assertThat(report(new DoctorCommand())).as(output()).isZero();
    assertThat(output())
        .contains("machine", "processor ", "memory", "JVM", "heap", "LibTorch", "threads")
        .contains("librlkd", "CPU features")
        .containsPattern("CPU +available")
        .containsPattern("REFERENCE +available")
        .containsPattern("CUDA +(available|not available: \\S+)")
        .containsPattern("EMULATED +(available|not available: \\S+)")
        .contains("logprob forward", "logprob backward", "group_advantage", "policy_loss")
        .contains("structure_alignment", "sampling", "decode_attention", "grad_norm", "adamw")
        .contains("all 9 checks passed")
        .doesNotContain("FAILED");
  }

  @Test
  void aFailedCheckIsNamedAndMakesTheExitCodeOne() {
    KernelCheck wrong =
        new KernelCheck() {
          @Override
          public String name() {
            return "addition";
          }

          @Override
          public Tolerance tolerance() {
            return new Tolerance(0, 0, "a test");
          }

          @Override
          public Map<String, double[]> run(int backend) {
            return Map.of("sum", new double[] {backend == RLKD_BACKEND_REFERENCE ? 4 : 5});
          }
        };
    assertThat(report(new DoctorCommand(new KernelSelfTest(List.of(wrong))))).isEqualTo(1);
    assertThat(output())
        .containsPattern("addition +FAILED +largest difference 1.0e\\+00")
        .contains("sum[0] is 5.0, expected 4.0", "1 of 1 checks FAILED");
  }
}
