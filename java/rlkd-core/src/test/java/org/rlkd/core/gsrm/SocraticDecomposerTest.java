package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class SocraticDecomposerTest {
  private static Structure decompose(String text) {
    return ((Decomposition.Parsed)
            new SocraticDecomposer().decompose(List.of(new Reasoning("", text))).get(0))
        .structure();
  }

  @Test
  void each_line_with_a_question_is_a_step() {
    assertThat(
            decompose(
                    "How many clips in May? ** In May 48/2 = <<48/2=24>>24 clips.\nsome remark\n"
                        + "How many in all? ** 48+24 = <<48+24=72>>72.\n#### 72")
                .steps())
        .containsExactly(
            new Step("How many clips in May?", "How many clips in May?", "In May 48/2 = 24 clips."),
            new Step("How many in all?", "How many in all?", "48+24 = 72."));
  }

  @Test
  void other_text_has_no_steps() {
    assertThat(decompose("In May 24 clips.\n2 ** 3 is 8 in some languages? no").steps()).hasSize(1);
    assertThat(decompose("In May 24 clips.").steps()).isEmpty();
    assertThat(decompose("").steps()).isEmpty();
  }
}
