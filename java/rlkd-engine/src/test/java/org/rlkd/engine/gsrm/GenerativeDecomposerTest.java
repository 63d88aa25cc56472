package org.rlkd.engine.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.DecompositionPrompt;
import org.rlkd.core.gsrm.Domain;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.ModelConfig;
import org.rlkd.engine.model.ModelFamily;
import org.rlkd.engine.model.RopeParameters;
import org.rlkd.engine.tokenizer.ByteTokenizer;
import org.rlkd.engine.tokenizer.Tokenizer;

/** A decomposer of random weights, which never finds a step. */
class GenerativeDecomposerTest {
  private static final Reasoning FIRST = new Reasoning("1+1?", "One and one make two.");
  private static final Reasoning SECOND = new Reasoning("2+2?", "Two and two make four.");

  @TempDir Path folder;
  private CausalLm model;
  private Tokenizer tokenizer;

  @BeforeEach
  void load() throws IOException {
    ModelConfig config =
        new ModelConfig(
            ModelFamily.QWEN2,
            259,
            32,
            64,
            2,
            2,
            1,
            16,
            1e-6,
            new RopeParameters(10000, null),
            true,
            false,
            false,
            true,
            8192,
            0.3,
            null,
            List.of(258),
            null,
            "float32");
    model = CausalLm.initialise(config, 11);
    tokenizer = Tokenizer.load(ByteTokenizer.write(folder));
  }

  @AfterEach
  void close() {
    tokenizer.close();
    model.close();
  }

  private List<Decomposition> decompose(String prompt, int attempts, Reasoning... reasonings) {
    return new GenerativeDecomposer(
            "random",
            model,
            tokenizer,
            new GsrmSettings(GsrmSettings.Split.TEXT, prompt, 12, attempts),
            DecompositionPrompt.of(Domain.MATH))
        .decompose(List.of(reasonings));
  }

  @Test
  void each_attempt_is_another_one_and_none_depends_on_the_batch() {
    List<Decomposition> once = decompose("{text}\n", 1, FIRST);
    List<Decomposition> twice = decompose("{text}\n", 2, FIRST);
    List<Decomposition> thrice = decompose("{text}\n", 3, FIRST);
    assertThat(once.get(0)).isInstanceOf(Decomposition.Failed.class);
    assertThat(twice.get(0)).isInstanceOf(Decomposition.Failed.class).isNotEqualTo(once.get(0));
    assertThat(thrice.get(0)).isInstanceOf(Decomposition.Failed.class).isNotEqualTo(twice.get(0));
    assertThat(decompose("{text}\n", 3, SECOND, FIRST, SECOND).get(1)).isEqualTo(thrice.get(0));
    assertThat(((Decomposition.Failed) thrice.get(0)).lasting()).isTrue();
  }

  @Test
  void a_prompt_of_its_own_does_not_see_the_problem_and_the_chat_does() {
    Reasoning sameText = new Reasoning("another problem", FIRST.text());
    assertThat(decompose("{text}\n", 1, FIRST)).isEqualTo(decompose("{text}\n", 1, sameText));
    assertThat(decompose(null, 1, FIRST)).isNotEqualTo(decompose(null, 1, sameText));
  }

  @Test
  void a_reasoning_that_leaves_no_room_for_its_steps_fails_with_both_lengths() {
    Decomposition.Failed failed =
        (Decomposition.Failed) decompose("{text}\n", 3, new Reasoning("", "x".repeat(9000))).get(0);
    assertThat(failed.reason()).contains("9002 tokens", "at most 8180");
  }
}
