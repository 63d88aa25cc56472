package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JudgePromptTest {
  @Test
  void questions_about_the_same_teacher_text_begin_alike_up_to_the_students() {
    for (Aspect aspect : Aspect.values()) {
      JudgeQuestion one = new JudgeQuestion(aspect, "add the apples", "sum of apples");
      JudgeQuestion other = new JudgeQuestion(aspect, "add the apples", "count pears");
      assertThat(JudgePrompt.beginning(one)).isEqualTo(JudgePrompt.beginning(other));
      assertThat(JudgePrompt.of(one))
          .startsWith(JudgePrompt.beginning(one) + "sum of apples")
          .endsWith("yes or no?");
    }
  }

  @Test
  void the_first_tokens_probabilities_win_over_the_words() {
    Verdict verdict =
        JudgePrompt.read("Yes", Map.of("Yes", 0.4, " yes", 0.2, "NO", 0.15, "Maybe", 0.2));
    assertThat(verdict.probability()).isCloseTo(0.8, within(1e-12));
  }

  @ParameterizedTest
  @CsvSource({"yes,1", "'Yes, both do.',1", "no.,0", "' NO way',0", "'**No**',0"})
  void without_them_the_first_word_counts(String text, double probability) {
    assertThat(JudgePrompt.read(text, Map.of()).probability()).isEqualTo(probability);
    assertThat(JudgePrompt.read(text, Map.of("Hm", 0.99)).probability()).isEqualTo(probability);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "The first person wants apples, yes", "None", "yesterday", "42"})
  void prose_is_a_failure_that_quotes_it(String text) {
    Verdict verdict = JudgePrompt.read(text, Map.of());
    assertThat(verdict.probability()).isNaN();
    assertThat(verdict.failure()).contains(text.isEmpty() ? "nothing" : text);
  }
}
