package org.rlkd.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.Structure;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.gsrm.GenerativeDecomposer;
import org.rlkd.engine.gsrm.GsrmSettings;

/** A decomposer that cannot finish a step: that must not look like a text without steps. */
class CutOffDecomposerTest {
  private static final String SENTENCE = "next keys: 5 minus 1 make 4 keys.";

  /** One token, one attempt: too few for a step. */
  private static final GsrmSettings CUT_OFF =
      new GsrmSettings(GsrmSettings.Split.SENTENCE, "{text}\n", 1, 1);

  @TempDir private Path directory;

  private List<Decomposition> decompose(List<String> texts) {
    Path model = directory.resolve("gsrm");
    BaseModel.DECOMPOSER.write(model, new Vocabulary(12), 7);
    CUT_OFF.save(model);
    try (PretrainedModel loaded = PretrainedModel.load(model)) {
      return new GenerativeDecomposer(
              "cut off", loaded.model(), loaded.tokenizer(), GsrmSettings.load(model))
          .decompose(texts.stream().map(text -> new Reasoning("", text)).toList());
    }
  }

  private static String reason(Decomposition decomposition) {
    return ((Decomposition.Failed) decomposition).reason();
  }

  @Test
  void output_that_is_cut_off_fails_with_the_reason_and_an_empty_text_has_no_steps() {
    List<Decomposition> results = decompose(List.of(SENTENCE, "", SENTENCE + " " + SENTENCE));
    assertThat(reason(results.get(0))).contains("ended by LENGTH after 1 tokens");
    assertThat(results.get(1)).isEqualTo(new Decomposition.Parsed(new Structure(List.of())));
    assertThat(results.get(2))
        .as("a text fails as its sentence does, whatever it is batched with")
        .isEqualTo(results.get(0));
  }

  @Test
  void a_sentence_longer_than_the_model_takes_fails_with_both_lengths() {
    Decomposition result = decompose(List.of("keys ".repeat(600))).get(0);
    assertThat(reason(result)).contains("601 tokens").contains("511");
  }
}
