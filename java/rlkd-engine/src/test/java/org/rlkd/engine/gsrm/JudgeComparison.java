package org.rlkd.engine.gsrm;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rlkd.core.config.JudgePrecision;
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
    List<Judgement> float32 = List.of();
    for (JudgePrecision precision : JudgePrecision.values()) {
      try (SentenceEncoder encoder = SentenceEncoder.load(precision, 1);
          SentenceEncoder again = SentenceEncoder.load(precision, 1)) {
        comparison.fit(encoder);
        List<Judgement> judgements =
            comparison.report("embedding " + precision, asking(encoder), asking(again));
        if (precision == JudgePrecision.FLOAT32) {
          float32 = judgements;
        } else {
          comparison.reportAgreement(float32, judgements);
          comparison.reportDependenceOnBatch(encoder);
        }
      }
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

  /** Warms up with the first judge, measures the second, by the CPU time of the process. */
  private List<Judgement> report(String name, Judge warm, Judge judge) {
    List<LabelledPair> test = pairs.stream().filter(pair -> !pair.calibration()).toList();
    warm.judge(test.stream().map(LabelledPair::pair).toList());
    OperatingSystemMXBean process =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long started = process.getProcessCpuTime();
    List<Judgement> judgements = judge.judge(test.stream().map(LabelledPair::pair).toList());
    double seconds = (process.getProcessCpuTime() - started) / 1e9;
    StringBuilder row = new StringBuilder("| " + name);
    for (Aspect aspect : Aspect.values()) {
      JudgeQuality quality = JudgeQuality.of(test, judgements, aspect);
      row.append(
          " | %.1f %% (%d) | %.3f"
              .formatted(100 * quality.accuracy(), quality.count(), quality.auc()));
    }
    System.out.println(row + " | %.0f |".formatted(test.size() / seconds));
    return judgements;
  }

  private void reportAgreement(List<Judgement> one, List<Judgement> other) {
    for (Aspect aspect : Aspect.values()) {
      int same = 0;
      double difference = 0;
      for (int i = 0; i < one.size(); i++) {
        double p = one.get(i).of(aspect);
        double q = other.get(i).of(aspect);
        same += p >= 0.5 == q >= 0.5 ? 1 : 0;
        difference += Math.abs(p - q) / one.size();
      }
      System.out.printf(
          "%s: %d of %d on the same side of one half, mean difference of probabilities %.4f%n",
          aspect, same, one.size(), difference);
    }
  }

  /** Cosines of pairs that are embedded alone against those of all pairs in one call. */
  private void reportDependenceOnBatch(SentenceEncoder encoder) {
    List<String> texts = new ArrayList<>();
    for (LabelledPair pair : pairs) {
      texts.add(pair.pair().teacher().metaReasoning());
      texts.add(pair.pair().student().metaReasoning());
    }
    List<float[]> together = encoder.encode(texts);
    double largest = 0;
    double sum = 0;
    for (int i = 0; i < texts.size(); i += 2) {
      List<float[]> alone = encoder.encode(texts.subList(i, i + 2));
      double difference =
          Math.abs(
              EmbeddingJudge.cosine(alone.get(0), alone.get(1))
                  - EmbeddingJudge.cosine(together.get(i), together.get(i + 1)));
      largest = Math.max(largest, difference);
      sum += difference;
    }
    System.out.printf(
        "cosines by batch: mean difference %.4f, largest %.4f%n",
        sum / (texts.size() / 2), largest);
  }

  /** Logistic regression on the cosine, on the calibration half: p = 1/(1+exp(-slope(c-t))). */
  private void fit(SentenceEncoder encoder) {
    for (Aspect aspect : List.of(Aspect.META_REASONING, Aspect.QUERY)) {
      List<String> texts = new ArrayList<>();
      List<Boolean> labels = new ArrayList<>();
      for (LabelledPair pair : pairs) {
        String teacher = aspect.of(pair.pair().teacher());
        String student = aspect.of(pair.pair().student());
        if (pair.calibration() && pair.label(aspect) != null && !teacher.equals(student)) {
          texts.add(teacher);
          texts.add(student);
          labels.add(pair.label(aspect));
        }
      }
      List<float[]> embeddings = encoder.encode(texts);
      List<double[]> points = new ArrayList<>();
      for (int i = 0; i < labels.size(); i++) {
        double cosine = EmbeddingJudge.cosine(embeddings.get(2 * i), embeddings.get(2 * i + 1));
        points.add(new double[] {cosine, labels.get(i) ? 1 : 0});
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
