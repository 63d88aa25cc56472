package org.rlkd.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rlkd.core.UsageException;
import org.rlkd.core.gsrm.AlignmentOptions;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;
import org.rlkd.core.gsrm.AlignmentOptions.Normalize;
import org.rlkd.core.gsrm.AlignmentPair;
import org.rlkd.core.gsrm.AlignmentScore;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.core.gsrm.Step;
import org.rlkd.engine.gsrm.NativeStructureAlignment;
import org.rlkd.engine.tensor.Device;

/**
 * Structure rewards of judged pairs of paths, by the kernel and by two loops that one might write
 * instead: over objects, and over flat arrays. {@code bench/peers/structure_python.py} is the same
 * in Python.
 */
final class StructureScoring {
  private static final double GAP_DECAY = 0.7;

  /** Calls before the first round, so that all contenders are compiled. */
  private static final int WARM_UP = 60;

  private final Alignment alignment;
  private final int pairs;
  private final int n;
  private final int m;
  private final double[] rewards;
  private int state = 1;

  private StructureScoring(Alignment alignment, int[] size) {
    this.alignment = alignment;
    pairs = size[0];
    n = size[1];
    m = size[2];
    rewards = new double[pairs];
  }

  /**
   * @param form kernel, objects or arrays
   * @param size pairs, student steps, teacher steps
   */
  static Round of(Alignment alignment, String form, int[] size) {
    StructureScoring scoring = new StructureScoring(alignment, size);
    Runnable work =
        switch (form) {
          case "kernel" -> scoring.kernel();
          case "objects" -> scoring.objects();
          case "arrays" -> scoring.arrays();
          default ->
              throw new UsageException(
                  "found form '%s'; expected kernel, objects or arrays".formatted(form));
        };
    for (int i = 0; i < WARM_UP; i++) {
      work.run();
    }
    return new Round() {
      @Override
      public long run() {
        work.run();
        return scoring.pairs;
      }

      @Override
      public double[] results() {
        return scoring.rewards;
      }
    };
  }

  /** In [0, 1), of 15 bits, the same in every contender: meta-reasoning, query, answer in turn. */
  private float probability() {
    state = (1103515245 * state + 12345) & 0x7FFFFFFF;
    return (state >> 16) / 32768f;
  }

  private Runnable kernel() {
    int[] chain = new int[m];
    Arrays.setAll(chain, node -> node - 1);
    List<AlignmentPair> judged = new ArrayList<>();
    for (int p = 0; p < pairs; p++) {
      float[][] kinds = new float[3][n * m];
      for (int k = 0; k < n * m; k++) {
        for (float[] kind : kinds) {
          kind[k] = probability();
        }
      }
      judged.add(new AlignmentPair(kinds[0], kinds[1], kinds[2], n, chain));
    }
    AlignmentOptions options =
        new AlignmentOptions(
            alignment, Normalize.NONE, alignment == Alignment.PREFIX ? 0 : GAP_DECAY);
    NativeStructureAlignment kernel = new NativeStructureAlignment(Device.CPU);
    return () -> {
      List<AlignmentScore> scores = kernel.score(judged, options);
      for (int p = 0; p < pairs; p++) {
        rewards[p] = scores.get(p).reward();
      }
    };
  }

  /** A student's and a teacher's path, and a judgement for each pair of their steps. */
  private record Judged(List<Step> student, List<Step> teacher, List<List<Judgement>> judgements) {}

  private Runnable objects() {
    List<Judged> judged = new ArrayList<>();
    for (int p = 0; p < pairs; p++) {
      List<List<Judgement>> judgements = new ArrayList<>();
      for (int i = 0; i < n; i++) {
        List<Judgement> row = new ArrayList<>();
        for (int j = 0; j < m; j++) {
          row.add(new Judgement(probability(), probability(), probability()));
        }
        judgements.add(row);
      }
      judged.add(new Judged(steps(n), steps(m), judgements));
    }
    return () -> {
      for (int p = 0; p < pairs; p++) {
        rewards[p] =
            alignment == Alignment.PREFIX ? prefix(judged.get(p)) : monotone(judged.get(p));
      }
    };
  }

  private static List<Step> steps(int count) {
    List<Step> steps = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      steps.add(new Step("Find part " + i, "How many in part " + i + "?", Integer.toString(i)));
    }
    return steps;
  }

  private static double prefix(Judged judged) {
    double gate = 1;
    double reward = 0;
    for (int i = 0; i < judged.student.size() && i < judged.teacher.size(); i++) {
      Judgement judgement = judged.judgements.get(i).get(i);
      gate *= judgement.meta();
      reward += gate * Math.pow(0.5, 1 - judgement.query()) * Math.pow(0.5, 1 - judgement.answer());
    }
    return reward;
  }

  private static double monotone(Judged judged) {
    int n = judged.student.size();
    int m = judged.teacher.size();
    double[][] value = new double[n + 1][m + 1];
    for (int i = n - 1; i >= 0; i--) {
      for (int j = m - 1; j >= 0; j--) {
        Judgement judgement = judged.judgements.get(i).get(j);
        double weight =
            Math.pow(0.5, 1 - judgement.query()) * Math.pow(0.5, 1 - judgement.answer());
        value[i][j] =
            Math.max(
                judgement.meta() * (weight + value[i + 1][j + 1]),
                GAP_DECAY * Math.max(value[i + 1][j], value[i][j + 1]));
      }
    }
    return value[0][0];
  }

  private Runnable arrays() {
    float[] meta = new float[pairs * n * m];
    float[] query = new float[meta.length];
    float[] answer = new float[meta.length];
    for (int k = 0; k < meta.length; k++) {
      meta[k] = probability();
      query[k] = probability();
      answer[k] = probability();
    }
    double[] value = new double[m + 1];
    return () -> {
      for (int p = 0; p < pairs; p++) {
        int first = p * n * m;
        if (alignment == Alignment.PREFIX) {
          double gate = 1;
          double reward = 0;
          for (int i = 0; i < Math.min(n, m); i++) {
            int k = first + i * m + i;
            gate *= meta[k];
            reward += gate * Math.pow(2, (double) query[k] + answer[k] - 2);
          }
          rewards[p] = reward;
        } else {
          Arrays.fill(value, 0);
          for (int i = n - 1; i >= 0; i--) {
            double diagonal = 0;
            for (int j = m - 1; j >= 0; j--) {
              int k = first + i * m + j;
              double below = value[j];
              double weight = Math.pow(2, (double) query[k] + answer[k] - 2);
              value[j] =
                  Math.max(
                      meta[k] * (weight + diagonal), GAP_DECAY * Math.max(below, value[j + 1]));
              diagonal = below;
            }
          }
          rewards[p] = value[0];
        }
      }
    };
  }
}
