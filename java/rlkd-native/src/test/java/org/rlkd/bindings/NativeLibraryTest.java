package org.rlkd.bindings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.rlkd.bindings.global.rlkd.*;

import org.junit.jupiter.api.Test;

class NativeLibraryTest {
  @Test
  void loadsAndHasTheVersionOfTheHeader() {
    assertThat(NativeLibrary.failure()).isEmpty();
    assertThat(NativeLibrary.version())
        .isEqualTo(RLKD_VERSION_MAJOR + "." + RLKD_VERSION_MINOR + "." + RLKD_VERSION_PATCH);
  }

  @Test
  void namesTheInstructionSetOfTheCpuKernels() {
    assertThat(NativeLibrary.cpuFeatures()).isIn("baseline", "avx2", "avx512");
  }

  @Test
  void cpuAndReferenceBackendsCanRun() {
    assertThat(NativeLibrary.backendUnavailable(RLKD_BACKEND_CPU)).isEmpty();
    assertThat(NativeLibrary.backendUnavailable(RLKD_BACKEND_REFERENCE)).isEmpty();
  }

  @Test
  void aBackendThatIsNotInTheBuildHasAReason() {
    assertThat(NativeLibrary.backendUnavailable(RLKD_BACKEND_CUDA))
        .hasValueSatisfying(reason -> assertThat(reason).contains("CUDA"));
  }

  @Test
  void aRefusedCallBecomesAnExceptionWithTheLibrarysText() {
    NativeException thrown =
        catchThrowableOfType(
            NativeException.class,
            () ->
                NativeLibrary.check(
                    rlkd_grad_norm(
                        (rlkd_context) null, (rlkd_tensor) null, -1, (rlkd_tensor) null, null, 0)));
    assertThat(thrown).hasMessageStartingWith("rlkd_grad_norm: ");
    NativeLibrary.check(RLKD_OK);
  }
}
