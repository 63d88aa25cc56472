package org.rlkd.core.math;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MathAnswerTest {
  /** Far above what any of the hostile texts needs, far below what an exponential one would. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  @ParameterizedTest
  @CsvFileSource(resources = "answers.tsv", delimiter = '\t', quoteCharacter = '\0')
  void an_answer_is_right_if_and_only_if_it_means_the_reference_answer(
      String verdict, String gold, String text) {
    assertThat(MathAnswer.solves(gold, text)).isEqualTo(verdict.equals("equal"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "First \\boxed{3}, then \\boxed{4} | 4",
        "Either \\boxed{3} or \\boxed{4} | 3, 4",
        "\\boxed{\\frac{1}{2}} | \\frac{1}{2}",
        "\\boxed{7} ... \\boxed{ | 7",
        "\\boxed{} | -",
        "\\boxed{4 | -",
        "The answer is 5. There are 7 days. | 5",
        "<think>7</think> | -",
        "<answer>six</answer> and \\boxed{7} | six",
        "we get 12, so 13 | 13",
      })
  void the_final_answer_is_found(String text, String answer) {
    assertThat(MathAnswer.extract(text).orElse(null)).isEqualTo(answer);
  }

  @Test
  void a_reference_answer_without_content_is_none() {
    assertThat(MathAnswer.isReference("$4$")).isTrue();
    for (String gold : new String[] {"", " ", "$$", "\\boxed{}", "\\text{}"}) {
      assertThat(MathAnswer.isReference(gold)).as(gold).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "9^{9^{9^{9^{9}}}}",
        "1e999999999",
        "100000!",
        "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1",
        "\\binom{500}{250}^{500}",
        "0.\\overline{3",
        "\\frac{\\frac{\\frac{1}{0}}{0}}{0}",
        "--------------------------------------------------------------------------------------1",
      })
  void a_hostile_answer_is_wrong_in_bounded_time(String answer) {
    Assertions.assertTimeoutPreemptively(
        PATIENCE, () -> assertThat(MathAnswer.solves("4", "\\boxed{" + answer + "}")).isFalse());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\\boxed{",
        "\\(",
        "\\[",
        "$",
        "$$",
        "<answer>",
        "answer is ",
        "1\\frac{",
        "{",
        "(",
        "|",
        "\\text{",
        "1,",
        "9^",
        "1 ",
        "\\{",
        "\\left(",
        "\\sqrt",
        "\\boxed{1} and ",
        "#### ",
        "-",
        "\\begin{pmatrix}"
      })
  void a_hostile_text_takes_bounded_time(String part) {
    String text = part.repeat(100_000 / part.length());
    Assertions.assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          assertThat(MathAnswer.solves("4", text)).isFalse();
          assertThat(OpenR1Answer.verify("$4$", "answer " + text, OpenR1Answer.GoldForm.ANY))
              .contains(false);
          assertThat(MathAnswer.solves("4", "<answer>" + text + "x</answer>")).isFalse();
          assertThat(MathAnswer.solves("4", "\\boxed{" + part.repeat(300) + "}")).isFalse();
          assertThat(MathAnswer.equal(part.repeat(300), part.repeat(299) + "7")).isFalse();
        });
  }

  @Property(tries = 500)
  void no_text_makes_it_fail(@ForAll("notation") String gold, @ForAll("notation") String answer) {
    MathAnswer.solves(gold, answer);
    MathAnswer.equal(gold, answer);
    OpenR1Answer.verify(gold, "\\boxed{" + answer + "}", OpenR1Answer.GoldForm.ANY);
  }

  @Property(tries = 1000)
  void equality_does_not_depend_on_which_side_is_the_reference(
      @ForAll("notation") String one, @ForAll("notation") String other) {
    assertThat(MathAnswer.equal(one, other)).isEqualTo(MathAnswer.equal(other, one));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "\\boxed{", "1+", "9^", "\\frac{1}{", "x", "("})
  void a_megabyte_is_compared_in_bounded_time(String part) {
    String text = part.repeat((1 << 20) / part.length());
    Assertions.assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          assertThat(MathAnswer.solves("4", text)).isFalse();
          assertThat(MathAnswer.solves("4", "\\boxed{" + text + "}")).isFalse();
          assertThat(MathAnswer.equal(text, text + "1")).isFalse();
        });
  }

  @Property(tries = 300)
  void a_fraction_equals_its_multiples_and_its_negative_does_not(
      @ForAll int numerator, @ForAll short denominator, @ForAll byte factor) {
    if (numerator == 0 || denominator == 0 || factor == 0) {
      return;
    }
    String gold = "\\frac{%d}{%d}".formatted(numerator, denominator);
    String multiple =
        "\\frac{%d}{%d}".formatted((long) numerator * factor, (long) denominator * factor);
    assertThat(MathAnswer.equal(gold, multiple)).isTrue();
    assertThat(MathAnswer.equal(gold, "-" + multiple)).isFalse();
  }

  @Provide
  Arbitrary<String> notation() {
    return Arbitraries.of(
            "1",
            "2",
            "0",
            "x",
            "y",
            "i",
            "e",
            "+",
            "-",
            "*",
            "/",
            "^",
            "_",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "\\{",
            "\\}",
            ",",
            ";",
            ".",
            "=",
            "<",
            ">",
            "|",
            " ",
            "\\frac",
            "\\sqrt",
            "\\pm",
            "\\cup",
            "\\setminus",
            "\\in",
            "\\infty",
            "\\text{",
            "and",
            "\\text{ or }",
            "%",
            "!",
            "^\\circ",
            "\\sin",
            "\\log",
            "\\begin{pmatrix}",
            "\\end{pmatrix}",
            "&",
            "\\\\",
            "\\lfloor",
            "\\rfloor",
            "\\left",
            "\\right",
            "\\boxed{",
            "$",
            "million",
            "\\emptyset",
            "\\binom",
            "R",
            "I",
            "\\mathbb{R}",
            "²",
            "½",
            "四")
        .list()
        .ofMaxSize(14)
        .map(parts -> String.join("", parts));
  }
}
