package org.rlkd.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rlkd.core.UsageException;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;

class StructureScoringTest {
  @ParameterizedTest
  @EnumSource(Alignment.class)
  void kernel_and_loops_score_alike_whichever_path_is_longer(Alignment alignment) {
    for (int[] size : new int[][] {{5, 3, 4}, {7, 6, 2}, {1, 1, 1}}) {
      double[] kernel = StructureScoring.of(alignment, "kernel", size).results();
      assertThat(kernel).hasSize(size[0]);
      for (String form : new String[] {"objects", "arrays"}) {
        assertThat(StructureScoring.of(alignment, form, size).results())
            .containsExactly(kernel, within(1e-6));
      }
    }
    assertThatThrownBy(() -> StructureScoring.of(alignment, "bits", new int[] {1, 1, 1}))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("found form 'bits'; expected kernel, objects or arrays");
  }
}
