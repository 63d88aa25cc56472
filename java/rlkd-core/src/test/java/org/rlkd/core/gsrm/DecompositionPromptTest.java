package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rlkd.core.InputException;

class DecompositionPromptTest {
  @TempDir Path folder;

  private static String user(DecompositionPrompt prompt, String problem, String text) {
    return prompt.messages(new Reasoning(problem, text)).get(1).content();
  }

  @ParameterizedTest
  @EnumSource
  void every_domain_has_examples_in_the_form_that_the_parser_reads(Domain domain) {
    DecompositionPrompt prompt = DecompositionPrompt.of(domain);
    assertThat(prompt.messages(new Reasoning("p", "r")))
        .extracting("role")
        .containsExactly("system", "user");
    assertThat(prompt.instructions()).endsWith("[Question]: \n");
    String[] examples = prompt.instructions().split("\\[Response\\]:\n");
    assertThat(examples).hasSize(3);
    for (int i = 1; i < examples.length; i++) {
      Structure structure = StructureParser.parse(examples[i].split("\\[Question\\]")[0]);
      assertThat(structure.steps()).hasSizeBetween(2, 4);
      assertThat(structure.steps())
          .allSatisfy(
              step -> {
                assertThat(step.metaReasoning()).isNotBlank();
                assertThat(step.query()).endsWith("?");
                assertThat(step.answer()).isNotBlank();
              });
    }
  }

  @Test
  void the_conversation_has_the_references_form() {
    assertThat(user(DecompositionPrompt.of(Domain.MATH), "1+1?", "It is 2."))
        .endsWith("[Question]: \n1+1?\nYou should decompose this reasoning:\nIt is 2.");
  }

  @Test
  void a_users_file_replaces_the_instructions_and_may_place_problem_and_text() throws IOException {
    Path file = Files.writeString(folder.resolve("prompt.txt"), "Steps of {text} for {problem}!");
    assertThat(user(DecompositionPrompt.read(file), "1+1?", "adding {problem} {text}"))
        .isEqualTo("Steps of adding {problem} {text} for 1+1?!");
    Files.writeString(file, "Be brief. ");
    assertThat(user(DecompositionPrompt.read(file), "1+1?", "It is 2."))
        .isEqualTo("Be brief. 1+1?\nYou should decompose this reasoning:\nIt is 2.");
  }

  @Test
  void a_missing_an_empty_and_a_binary_file_are_named() throws IOException {
    Path file = folder.resolve("prompt.txt");
    assertThatThrownBy(() -> DecompositionPrompt.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("prompt.txt does not exist");
    Files.writeString(file, " \n");
    assertThatThrownBy(() -> DecompositionPrompt.read(file)).hasMessageContaining("is empty");
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
    assertThatThrownBy(() -> DecompositionPrompt.read(file)).hasMessageContaining("not UTF-8");
  }
}
