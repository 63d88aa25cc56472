package org.rlkd.engine.gsrm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.rlkd.core.config.JudgePrecision;
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
    encoder = SentenceEncoder.load(JudgePrecision.FLOAT32, 1);
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

  private static List<String> manyTexts() {
    List<String> texts = new ArrayList<>(List.of("pears", "", "x ".repeat(900), "pears"));
    for (LabelledPair pair : LabelledPairs.all().subList(0, 30)) {
      texts.add(pair.pair().teacher().metaReasoning());
      texts.add(pair.pair().student().metaReasoning());
    }
    return texts;
  }

  @Test
  void an_embedding_has_the_same_bits_in_every_batch_on_any_number_of_threads() {
    List<String> texts = manyTexts();
    try (SentenceEncoder fresh = SentenceEncoder.load(JudgePrecision.FLOAT32, 2);
        SentenceEncoder onItsOwn = SentenceEncoder.load(JudgePrecision.FLOAT32, 1)) {
      List<float[]> together = fresh.encode(texts);
      for (int i = 0; i < texts.size(); i += 7) {
        assertThat(onItsOwn.encode(List.of(texts.get(i))).get(0)).containsExactly(together.get(i));
      }
    }
  }

  /** One text a call, every operation of the model as it stands, sums in double precision. */
  @Test
  void embeddings_are_those_of_the_plain_model() throws Exception {
    List<String> texts = manyTexts();
    List<float[]> embeddings = encoder.encode(texts);
    try (PlainEncoder plain = new PlainEncoder()) {
      for (int i = 0; i < texts.size(); i++) {
        double[] expected = plain.encode(texts.get(i));
        for (int d = 0; d < expected.length; d++) {
          assertThat((double) embeddings.get(i)[d]).isCloseTo(expected[d], within(1e-5));
        }
      }
    }
  }

  @Test
  void in_8_bits_an_embedding_depends_on_its_call_alone_and_is_near_the_exact_one() {
    List<String> texts = manyTexts();
    List<float[]> exact = encoder.encode(texts);
    try (SentenceEncoder quantised = SentenceEncoder.load(JudgePrecision.INT8, 2)) {
      List<float[]> first = quantised.encode(texts);
      quantised.encode(texts.subList(4, 9));
      List<float[]> again = quantised.encode(texts);
      for (int i = 0; i < texts.size(); i++) {
        assertThat(again.get(i)).containsExactly(first.get(i));
        assertThat(EmbeddingJudge.cosine(first.get(i), exact.get(i))).isBetween(0.95, 0.9999999);
      }
      assertThat(new EmbeddingJudge(quantised).id()).isNotEqualTo(new EmbeddingJudge(encoder).id());
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
    for (JudgePrecision precision : JudgePrecision.values()) {
      try (SentenceEncoder own = SentenceEncoder.load(precision, 1)) {
        AskingJudge embedding = new AskingJudge(new EmbeddingJudge(own), AnswerCache.inMemory());
        JudgeQuality meta = JudgeQuality.of(embedding, test, Aspect.META_REASONING);
        assertThat(meta.auc()).as("%s", precision).isGreaterThan(0.8);
        assertThat(meta.accuracy()).as("%s", precision).isGreaterThan(0.75);
        assertThat(JudgeQuality.of(embedding, test, Aspect.QUERY).auc()).isGreaterThan(0.8);
        assertThat(JudgeQuality.of(embedding, test, Aspect.ANSWER).accuracy()).isGreaterThan(0.9);
      }
    }
    LexicalJudge lexical = new LexicalJudge();
    assertThat(JudgeQuality.of(lexical, test, Aspect.ANSWER).accuracy()).isGreaterThan(0.9);
    assertThat(JudgeQuality.of(lexical, test, Aspect.META_REASONING).auc()).isGreaterThan(0.5);
  }
}
