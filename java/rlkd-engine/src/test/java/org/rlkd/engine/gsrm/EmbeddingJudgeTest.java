package org.rlkd.engine.gsrm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.rlkd.core.gsrm.AnswerCache;
import org.rlkd.core.gsrm.AskingJudge;
import org.rlkd.core.gsrm.Aspect;
import org.rlkd.core.gsrm.JudgeQuestion;
import org.rlkd.core.gsrm.LexicalJudge;
import org.rlkd.engine.gsrm.LabelledPairs.LabelledPair;

class EmbeddingJudgeTest {
  private static SentenceEncoder encoder;

  @BeforeAll
  static void load() {
    encoder = SentenceEncoder.load(1);
  }

  @AfterAll
  static void close() {
    encoder.close();
  }

  private static double cosine(String one, String other) {
    List<float[]> embeddings = encoder.encode(List.of(one, other));
    return EmbeddingJudge.cosine(embeddings.get(0), embeddings.get(1));
  }

  /** The example of the model's page on the Hugging Face hub. */
  @Test
  void similarities_are_those_that_the_models_page_shows() {
    String source = "That is a happy person";
    assertThat(cosine(source, "That is a happy dog")).isCloseTo(0.695, within(0.001));
    assertThat(cosine(source, "That is a very happy person")).isCloseTo(0.943, within(0.001));
    assertThat(cosine(source, "Today is a sunny day")).isCloseTo(0.257, within(0.001));
  }

  @Test
  void an_embedding_does_not_depend_on_the_batch() {
    List<String> texts =
        List.of("pears", "How many apples are there in the big basket?", "", "x ".repeat(900));
    try (SentenceEncoder fresh = SentenceEncoder.load(1)) {
      List<float[]> together = encoder.encode(texts);
      for (int i = 0; i < texts.size(); i++) {
        float[] alone = fresh.encode(List.of(texts.get(i))).get(0);
        assertThat(EmbeddingJudge.cosine(alone, together.get(i))).isCloseTo(1, within(1e-5));
      }
    }
  }

  @Test
  void answers_that_are_values_are_compared_as_values() {
    EmbeddingJudge judge = new EmbeddingJudge(encoder);
    assertThat(
            judge
                .ask(
                    List.of(
                        new JudgeQuestion(Aspect.ANSWER, "24 clips", "26 clips"),
                        new JudgeQuestion(Aspect.ANSWER, "24 clips", "\\(\\frac{48}{2}\\)"),
                        new JudgeQuestion(Aspect.ANSWER, "a circle", "a round curve, the circle")))
                .stream()
                .map(verdict -> Math.round(verdict.probability())))
        .containsExactly(0L, 1L, 1L);
  }

  /** Floors a few points below what docs/gsrm.md reports. */
  @Test
  void the_judges_without_a_language_model_keep_their_quality_on_the_labelled_pairs() {
    List<LabelledPair> test =
        LabelledPairs.all().stream().filter(pair -> !pair.calibration()).toList();
    AskingJudge embedding = new AskingJudge(new EmbeddingJudge(encoder), AnswerCache.inMemory());
    assertThat(JudgeQuality.of(embedding, test, Aspect.META_REASONING).auc()).isGreaterThan(0.8);
    assertThat(JudgeQuality.of(embedding, test, Aspect.QUERY).auc()).isGreaterThan(0.8);
    assertThat(JudgeQuality.of(embedding, test, Aspect.ANSWER).accuracy()).isGreaterThan(0.9);
    LexicalJudge lexical = new LexicalJudge();
    assertThat(JudgeQuality.of(lexical, test, Aspect.ANSWER).accuracy()).isGreaterThan(0.9);
    assertThat(JudgeQuality.of(lexical, test, Aspect.META_REASONING).auc()).isGreaterThan(0.5);
  }
}
