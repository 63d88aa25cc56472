package org.rlkd.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.engine.tokenizer.Tokenizer;

class VocabularyTest {

  private static final int MAX_VALUE = 12;

  private static List<Problem> problems() {
    GraphShape shape = new GraphShape(3, 4, 2, 1, MAX_VALUE);
    return new ProblemSampler(new GraphSampler(shape, Wording.NOUNS), 2)
        .sample(100, Set.of(), new SplittableRandom(0));
  }

  private static Tokenizer tokenizer(Path directory) throws IOException {
    Files.writeString(
        directory.resolve("tokenizer.json"), new Vocabulary(MAX_VALUE).tokenizerJson());
    return Tokenizer.load(directory);
  }

  @Test
  void decoding_gives_every_text_of_the_task_back_with_its_newlines(@TempDir Path directory)
      throws IOException {
    try (Tokenizer tokenizer = tokenizer(directory)) {
      for (Problem problem : problems()) {
        TeacherPath path = problem.teacherPaths().get(0);
        TeacherStep step = path.steps().get(0);
        for (String text :
            List.of(
                problem.prompt(),
                path.completion(),
                path.structure(),
                step.sentence() + " " + step.tagged(1))) {
          assertThat(tokenizer.decode(tokenizer.encode(text, false), true)).isEqualTo(text);
        }
      }
    }
  }

  @Test
  void a_prompt_and_its_completion_are_the_same_tokens_joined_or_apart(@TempDir Path directory)
      throws IOException {
    try (Tokenizer tokenizer = tokenizer(directory)) {
      for (Problem problem : problems()) {
        String completion = problem.teacherPaths().get(0).completion();
        int[] apart =
            IntStream.concat(
                    IntStream.of(tokenizer.encode(problem.prompt(), false)),
                    IntStream.of(tokenizer.encode(completion, false)))
                .toArray();
        assertThat(tokenizer.encode(problem.prompt() + completion, false))
            .isEqualTo(apart)
            .doesNotContain(new Vocabulary(MAX_VALUE).tokens().indexOf(Vocabulary.UNKNOWN));
      }
    }
  }

  @Test
  void a_name_is_one_token_where_it_is_defined_and_another_where_it_is_used(@TempDir Path directory)
      throws IOException {
    List<String> tokens = new Vocabulary(MAX_VALUE).tokens();
    try (Tokenizer tokenizer = tokenizer(directory)) {
      assertThat(tokenizer.vocabSize()).isEqualTo(tokens.size());
      assertThat(tokenizer.encode("the keys: figs plus 2.", false))
          .containsExactly(
              tokens.indexOf("the"),
              tokens.indexOf("keys:"),
              tokens.indexOf("figs"),
              tokens.indexOf("plus"),
              tokens.indexOf("2"),
              tokens.indexOf("."));
      assertThat(tokens.indexOf("keys")).isNotNegative().isNotEqualTo(tokens.indexOf("keys:"));
    }
  }
}
