package org.rlkd.engine.gsrm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rlkd.core.gsrm.AnswerValues;
import org.rlkd.core.gsrm.Aspect;
import org.rlkd.core.gsrm.JudgeQuestion;
import org.rlkd.core.gsrm.QuestionJudge;
import org.rlkd.core.gsrm.Verdict;

/**
 * {@code embedding}: texts agree by the cosine of their sentence embeddings, turned into a
 * probability by a logistic curve fitted on labelled pairs (docs/gsrm.md). Answers that are values
 * are compared as values: to embeddings, 24 and 26 are the same.
 */
public final class EmbeddingJudge implements QuestionJudge {
  /**
   * Probability = 1 / (1 + exp(-slope (cosine - threshold))).
   *
   * @param threshold cosine at which the probability is one half
   */
  record Calibration(double threshold, double slope) {
    double probability(double cosine) {
      return 1 / (1 + Math.exp(-slope * (cosine - threshold)));
    }
  }

  /** Fitted on the calibration half of the labelled pairs, see docs/gsrm.md. */
  static final Calibration META_REASONING = new Calibration(0.671, 7.82);

  /** Likewise; answers that are no values are compared as queries are. */
  static final Calibration QUERY = new Calibration(0.740, 7.32);

  private final SentenceEncoder encoder;

  /** A judge; the encoder stays the caller's. */
  public EmbeddingJudge(SentenceEncoder encoder) {
    this.encoder = encoder;
  }

  @Override
  public String id() {
    return "embedding-1:all-minilm-l6-v2";
  }

  @Override
  public List<Verdict> ask(List<JudgeQuestion> questions) {
    Verdict[] verdicts = new Verdict[questions.size()];
    List<Integer> open = new ArrayList<>();
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < questions.size(); i++) {
      JudgeQuestion question = questions.get(i);
      Optional<Boolean> byValue =
          question.aspect() == Aspect.ANSWER
              ? AnswerValues.equal(question.teacher(), question.student())
              : Optional.empty();
      if (byValue.isPresent()) {
        verdicts[i] = Verdict.of(byValue.get() ? 1 : 0);
      } else {
        open.add(i);
        texts.add(question.teacher());
        texts.add(question.student());
      }
    }
    List<float[]> embeddings = encoder.encode(texts);
    for (int k = 0; k < open.size(); k++) {
      double cosine = cosine(embeddings.get(2 * k), embeddings.get(2 * k + 1));
      verdicts[open.get(k)] =
          Verdict.of(calibration(questions.get(open.get(k)).aspect()).probability(cosine));
    }
    return List.of(verdicts);
  }

  private static Calibration calibration(Aspect aspect) {
    return switch (aspect) {
      case META_REASONING -> META_REASONING;
      case QUERY, ANSWER -> QUERY;
    };
  }

  /** Of vectors of length 1. */
  static double cosine(float[] one, float[] other) {
    double product = 0;
    for (int d = 0; d < one.length; d++) {
      product += (double) one[d] * other[d];
    }
    return product;
  }
}
