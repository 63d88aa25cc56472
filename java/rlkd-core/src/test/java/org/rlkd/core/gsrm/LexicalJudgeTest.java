package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LexicalJudgeTest {
  private final Judge judge = new LexicalJudge();

  private double query(String one, String other) {
    return judge
        .judge(List.of(new StepPair(new Step("m", one, "a"), new Step("m", other, "a"))))
        .get(0)
        .query();
  }

  private double answer(String one, String other) {
    return judge
        .judge(List.of(new StepPair(new Step("m", "q", one), new Step("m", "q", other))))
        .get(0)
        .answer();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "keys plus figs? | keys plus figs?",
        "What is keys plus figs? | Compute figs + keys.",
        "How many plums are there? | how many plums are there",
        "What is 1,000 times 2.50? | what is 1000 * 2.5",
        "How many clips did Natalia sell in May? | In May, how many clips did Natalia sell?",
        "next plums from keys and figs | Next, find the plums from the figs and the keys",
      })
  void the_same_task_in_other_words_agrees(String one, String other) {
    assertThat(query(one, other)).isEqualTo(1);
    assertThat(query(other, one)).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "keys plus figs? | keys plus nuts?",
        "keys plus figs? | keys times figs?",
        "keys minus figs? | figs minus keys?",
        "next plums from keys and figs | next plums from keys and nuts",
        "next plums from keys and figs | next pears from keys and figs",
        "keys plus 3? | keys plus 4?",
        "find plums from keys | find keys from plums",
        "find plums from keys and figs | find keys from plums and figs",
        "How many clips did Natalia sell in May? | How much did Natalia earn in April?",
      })
  void a_task_on_other_quantities_does_not_agree(String one, String other) {
    assertThat(query(one, other)).isZero();
    assertThat(query(other, one)).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "3 | 5 plus 8 make 3 plums.",
        "$1,200 | 1200 dollars",
        "0.75 | 3/4 = .750",
        "\\( \\frac{3\\sqrt{3}}{2} \\) | \\( \\frac{3}{2}\\sqrt{3} \\)",
        "Yes | yes.",
        "three plums | 3",
        "-4 | x = -4.0",
      })
  void answers_with_equal_values_agree(String one, String other) {
    assertThat(answer(one, other)).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"3 | 4", "3 | -3", "Yes | No", "0.7734 | 0.7735", "\\(\\pi\\) | \\(2\\pi\\)"})
  void answers_with_other_values_do_not_agree(String one, String other) {
    assertThat(answer(one, other)).isZero();
  }

  @Test
  void an_empty_text_agrees_with_nothing() {
    Step empty = new Step("", "", "");
    assertThat(judge.judge(List.of(new StepPair(empty, empty))))
        .containsExactly(new Judgement(0, 0, 0));
  }
}
