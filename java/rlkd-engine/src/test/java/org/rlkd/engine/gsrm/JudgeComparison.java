package org.rlkd.engine.gsrm;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rlkd.core.gsrm.AnswerCache;
import org.rlkd.core.gsrm.AskingJudge;
import org.rlkd.core.gsrm.Aspect;
import org.rlkd.core.gsrm.Judge;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.LexicalJudge;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.gsrm.LabelledPairs.LabelledPair;
import org.rlkd.engine.tensor.CpuThreads;

/**
 * Prints the table of docs/gsrm.md: the judges on the labelled pairs. Arguments: a directory of a
 * model for the generative judge, or none.
 */
final class JudgeComparison {
  private final List<LabelledPair> pairs = LabelledPairs.all();

  public static void main(String[] arguments) {
    CpuThreads.set(1);
    JudgeComparison comparison = new JudgeComparison();
    System.out.println(
        "| judge | meta accuracy | AUC | query accuracy | AUC | answer accuracy | AUC | pairs per CPU second |");
    comparison.report("lexical", new LexicalJudge(), new LexicalJudge());
    try (SentenceEncoder encoder = SentenceEncoder.load(1);
        SentenceEncoder again = SentenceEncoder.load(1)) {
      comparison.fit(encoder);
      comparison.report("embedding", asking(encoder), asking(again));
    }
    for (String directory : arguments) {
      try (PretrainedModel model = PretrainedModel.load(Path.of(directory))) {
        model.model().setTrainable(false);
        GenerativeJudge judge = new GenerativeJudge("model", model.model(), model.tokenizer());
        comparison.report(
            "generative", new LexicalJudge(), new AskingJudge(judge, AnswerCache.inMemory()));
      }
    }
  }

  private static Judge asking(SentenceEncoder encoder) {
    return new AskingJudge(new EmbeddingJudge(encoder), AnswerCache.inMemory());
  }

  /** Warms up with the first judge, measures the second, by the CPU time of this thread. */
  private void report(String name, Judge warm, Judge judge) {
    List<LabelledPair> test = pairs.stream().filter(pair -> !pair.calibration()).toList();
    warm.judge(test.stream().map(LabelledPair::pair).toList());
    long started = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    List<Judgement> judgements = judge.judge(test.stream().map(LabelledPair::pair).toList());
    double seconds =
        (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - started) / 1e9;
    StringBuilder row = new StringBuilder("| " + name);
    for (Aspect aspect : Aspect.values()) {
      JudgeQuality quality = JudgeQuality.of(test, judgements, aspect);
      row.append(
          " | %.1f %% (%d) | %.3f"
              .formatted(100 * quality.accuracy(), quality.count(), quality.auc()));
    }
    System.out.println(row + " | %.0f |".formatted(test.size() / seconds));
  }

  /** Logistic regression on the cosine, on the calibration half: p = 1/(1+exp(-slope(c-t))). */
  private void fit(SentenceEncoder encoder) {
    for (Aspect aspect : List.of(Aspect.META_REASONING, Aspect.QUERY)) {
      List<double[]> points = new ArrayList<>();
      for (LabelledPair pair : pairs) {
        String teacher = aspect.of(pair.pair().teacher());
        String student = aspect.of(pair.pair().student());
        if (pair.calibration() && pair.label(aspect) != null && !teacher.equals(student)) {
          List<float[]> embeddings = encoder.encode(List.of(teacher, student));
          points.add(
              new double[] {
                EmbeddingJudge.cosine(embeddings.get(0), embeddings.get(1)),
                pair.label(aspect) ? 1 : 0
              });
        }
      }
      double weight = 0;
      double bias = 0;
      for (int step = 0; step < 200_000; step++) {
        double weightGradient = 0;
        double biasGradient = 0;
        for (double[] point : points) {
          double error = 1 / (1 + Math.exp(-(weight * point[0] + bias))) - point[1];
          weightGradient += error * point[0];
          biasGradient += error;
        }
        weight -= 2.0 * weightGradient / points.size();
        bias -= 2.0 * biasGradient / points.size();
      }
      System.out.printf(
          "fit %s: %d pairs, threshold %.3f, slope %.2f%n",
          aspect, points.size(), -bias / weight, weight);
    }
  }
}
