package org.rlkd.engine.gsrm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rlkd.core.config.JudgePrecision;
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

  /**
   * The curves of a model, fitted on the calibration half of the labelled pairs (docs/gsrm.md);
   * answers that are no values are compared as queries are.
   */
  record Calibrations(Calibration metaReasoning, Calibration query) {
    static Calibrations of(JudgePrecision precision) {
      return switch (precision) {
        case FLOAT32 ->
            new Calibrations(new Calibration(0.671, 7.82), new Calibration(0.740, 7.32));
        case INT8 -> new Calibrations(new Calibration(0.666, 7.90), new Calibration(0.735, 7.50));
      };
    }

    Calibration of(Aspect aspect) {
      return switch (aspect) {
        case META_REASONING -> metaReasoning;
        case QUERY, ANSWER -> query;
      };
    }
  }

  private final SentenceEncoder encoder;
  private final Calibrations calibrations;

  /** A judge; the encoder stays the caller's. */
  public EmbeddingJudge(SentenceEncoder encoder) {
    this.encoder = encoder;
    this.calibrations = Calibrations.of(encoder.precision());
  }

  @Override
  public String id() {
    return switch (encoder.precision()) {
      case FLOAT32 -> "embedding-1:all-minilm-l6-v2";
      case INT8 -> "embedding-1:all-minilm-l6-v2-int8";
    };
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
          Verdict.of(calibrations.of(questions.get(open.get(k)).aspect()).probability(cosine));
    }
    return List.of(verdicts);
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
