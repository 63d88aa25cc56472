package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StructureParserTest {
  private static final Step STEP = new Step("add the fruit", "What is 2 + 3?", "5");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[sub-think 1]: add the fruit\n[Query 1]: What is 2 + 3?\n[Answer 1]: 5",
        "[Meat-reasoning 1]: add the fruit.-  \n[Sub-problem 1]: What is 2 + 3?-\n[Answer 1]: 5",
        "[META-REASONING] add the fruit\n[SUB-PROBLEM] What is 2 + 3?\n[ANSWER] 5",
        "[sub-think]add the fruit[Query]What is 2 + 3?[Answer]5",
        "**[Sub-think 7]**: add the fruit\r\n**[Query 7]**: What is 2 + 3?\r\n**[Answer 7]**: 5\r\n",
        "Let me see.\n[sub-think 1]: add the fruit\n[Query 1]: What is 2 + 3?\n[Answer 1]: 5\nSo the final answer is:\n5",
        "[sub-think 1]: add the fruit [Query 1]: What is 2 + 3? [Answer 1]: 5 So the final answer is: 5",
      })
  void every_spelling_of_the_tags_reads_alike(String text) {
    Step step = StructureParser.parse(text).steps().get(0);
    assertThat(StructureParser.parse(text).steps()).hasSize(1);
    assertThat(new Step(step.metaReasoning().replace(".", ""), step.query(), step.answer()))
        .isEqualTo(STEP);
  }

  @Test
  void a_missing_query_is_empty_and_does_not_shift_the_next_one() {
    Structure structure =
        StructureParser.parse(
            "[sub-think 1]: a\n[Answer 1]: 1\n[sub-think 2]: b\n[Query 2]: q\n[Answer 2]: 2");
    assertThat(structure.steps()).containsExactly(new Step("a", "", "1"), new Step("b", "q", "2"));
  }

  @Test
  void a_query_without_meta_reasoning_opens_a_step_of_its_own() {
    assertThat(StructureParser.parse("[Query 1]: q\n[Answer 1]: 1\n[sub-think 2]: b").steps())
        .containsExactly(new Step("", "q", "1"), new Step("b", "", ""));
  }

  @Test
  void several_answers_of_a_step_are_joined() {
    assertThat(
            StructureParser.parse("[sub-think 1]: a\n[Query 1]: q\n[Answer 1]: 1\n[Answer 1]: 2")
                .steps())
        .containsExactly(new Step("a", "q", "1\n2"));
  }

  @Test
  void a_tag_mentioned_within_a_line_is_text() {
    assertThat(
            StructureParser.parse("[sub-think 1]: use [Answer 1] here\n[Query 1]: q\n[Answer 1]: 1")
                .steps())
        .containsExactly(new Step("use [Answer 1] here", "q", "1"));
  }

  @Test
  void an_answer_that_is_itself_the_final_sentence_stays() {
    assertThat(
            StructureParser.parse("[sub-think]: a\n[Query]: q\n[Answer]: So the final answer is 4.")
                .steps())
        .containsExactly(new Step("a", "q", "So the final answer is 4."));
  }

  @Test
  void text_without_tags_has_no_steps() {
    assertThat(StructureParser.parse("I think the answer is [four].").steps()).isEmpty();
  }

  @Property
  void what_the_renderer_writes_the_parser_reads(@ForAll("structures") Structure structure) {
    assertThat(StructureParser.parse(StructureRenderer.render(structure))).isEqualTo(structure);
  }

  @Provide
  Arbitrary<Structure> structures() {
    Arbitrary<String> text =
        Arbitraries.strings().withChars("ab 3+=.,?\n()$\\").ofMaxLength(20).map(String::strip);
    return Combinators.combine(text, text, text)
        .as(Step::new)
        .list()
        .ofMaxSize(6)
        .map(Structure::new);
  }

  @Test
  void a_hostile_text_is_read_in_time_linear_in_its_length() {
    String text =
        "[sub-think 1" + " ".repeat(100_000) + "[Answer 1]: x\n" + "the answer \n".repeat(20_000);
    assertThat(StructureParser.parse(text).steps()).hasSizeLessThanOrEqualTo(List.of(1, 2).size());
  }
}
