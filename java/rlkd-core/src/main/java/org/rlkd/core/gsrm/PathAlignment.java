package org.rlkd.core.gsrm;

import java.util.Arrays;
import java.util.List;

/**
 * One student path against one teacher path, step by step: which teacher step each student step was
 * paired with and what it earned. The explanation behind an {@link AlignmentScore}, whose formula
 * it repeats for a single path.
 *
 * @param partner [n] the teacher step paired with each student step, -1 for none
 * @param stepReward [n] what the step adds to the unnormalised reward: gate times step weight
 *     (times gap_decay per skipped step)
 * @param reward the sum, normalised
 */
public record PathAlignment(int[] partner, double[] stepReward, double reward) {

  /**
   * Aligns n student steps with the m steps of a teacher path.
   *
   * @param judgements [n][m], none of them failed
   */
  public static PathAlignment of(
      List<List<Judgement>> judgements, int teacherSteps, AlignmentOptions options) {
    int n = judgements.size();
    int[] partner = new int[n];
    Arrays.fill(partner, -1);
    double[] stepReward = new double[n];
    switch (options.alignment()) {
      case PREFIX -> prefix(judgements, teacherSteps, partner, stepReward);
      case MONOTONE -> monotone(judgements, teacherSteps, options.gapDecay(), partner, stepReward);
    }
    double divisor =
        switch (options.normalize()) {
          case NONE -> 1;
          case TEACHER -> teacherSteps;
          case MAX -> Math.max(n, teacherSteps);
        };
    return new PathAlignment(partner, stepReward, Arrays.stream(stepReward).sum() / divisor);
  }

  private static void prefix(
      List<List<Judgement>> judgements, int teacherSteps, int[] partner, double[] stepReward) {
    double gate = 1;
    for (int i = 0; i < Math.min(judgements.size(), teacherSteps); i++) {
      Judgement judgement = judgements.get(i).get(i);
      gate *= judgement.meta();
      partner[i] = i;
      stepReward[i] = gate * judgement.stepWeight();
    }
  }

  private static void monotone(
      List<List<Judgement>> judgements,
      int m,
      double gapDecay,
      int[] partner,
      double[] stepReward) {
    int n = judgements.size();
    double[][] value = new double[n + 1][m + 1];
    for (int i = n - 1; i >= 0; i--) {
      for (int j = m - 1; j >= 0; j--) {
        double paired = paired(judgements, value, i, j);
        value[i][j] = Math.max(paired, gapDecay * Math.max(value[i + 1][j], value[i][j + 1]));
      }
    }
    double gate = 1;
    int i = 0;
    int j = 0;
    while (i < n && j < m && value[i][j] > 0) {
      if (value[i][j] == paired(judgements, value, i, j)) {
        Judgement judgement = judgements.get(i).get(j);
        gate *= judgement.meta();
        partner[i] = j;
        stepReward[i] = gate * judgement.stepWeight();
        i++;
        j++;
      } else {
        gate *= gapDecay;
        if (value[i + 1][j] >= value[i][j + 1]) {
          i++;
        } else {
          j++;
        }
      }
    }
  }

  private static double paired(List<List<Judgement>> judgements, double[][] value, int i, int j) {
    Judgement judgement = judgements.get(i).get(j);
    return judgement.meta() * (judgement.stepWeight() + value[i + 1][j + 1]);
  }
}
