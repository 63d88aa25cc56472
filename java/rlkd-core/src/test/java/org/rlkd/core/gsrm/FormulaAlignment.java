package org.rlkd.core.gsrm;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.rlkd.core.gsrm.AlignmentOptions.Alignment;

/**
 * The GSRM reward in double precision straight from its formulas, for tests: every root-to-leaf
 * path, plain recursion.
 */
public final class FormulaAlignment implements StructureAlignment {
  @Override
  public List<AlignmentScore> score(List<AlignmentPair> pairs, AlignmentOptions options) {
    return pairs.stream().map(pair -> score(pair, options)).toList();
  }

  private static AlignmentScore score(AlignmentPair pair, AlignmentOptions options) {
    int m = pair.teacherNodes();
    boolean failed = m == 0;
    for (int k = 0; k < pair.meta().length; k++) {
      failed |=
          Float.isNaN(pair.meta()[k])
              || Float.isNaN(pair.query()[k])
              || Float.isNaN(pair.answer()[k]);
    }
    if (failed) {
      return new AlignmentScore(Double.NaN, -1);
    }
    Set<Integer> inner = new HashSet<>();
    for (int parent : pair.parents()) {
      inner.add(parent);
    }
    AlignmentScore best = new AlignmentScore(Double.NEGATIVE_INFINITY, -1);
    for (int leaf = 0; leaf < m; leaf++) {
      if (!inner.contains(leaf)) {
        List<Integer> path = new ArrayList<>();
        for (int node = leaf; node >= 0; node = pair.parents()[node]) {
          path.add(0, node);
        }
        double raw =
            options.alignment() == Alignment.PREFIX
                ? prefix(pair, path)
                : monotone(pair, path, 0, 0, options.gapDecay());
        double reward =
            switch (options.normalize()) {
              case NONE -> raw;
              case TEACHER -> raw / path.size();
              case MAX -> raw / Math.max(pair.studentSteps(), path.size());
            };
        if (reward > best.reward()) {
          best = new AlignmentScore(reward, leaf);
        }
      }
    }
    return best;
  }

  private static double prefix(AlignmentPair pair, List<Integer> path) {
    double gate = 1;
    double sum = 0;
    for (int i = 0; i < Math.min(pair.studentSteps(), path.size()); i++) {
      gate *= meta(pair, i, path.get(i));
      sum += gate * weight(pair, i, path.get(i));
    }
    return sum;
  }

  private static double monotone(
      AlignmentPair pair, List<Integer> path, int i, int j, double decay) {
    if (i == pair.studentSteps() || j == path.size()) {
      return 0;
    }
    double paired =
        meta(pair, i, path.get(j))
            * (weight(pair, i, path.get(j)) + monotone(pair, path, i + 1, j + 1, decay));
    double skipped =
        decay
            * Math.max(
                monotone(pair, path, i + 1, j, decay), monotone(pair, path, i, j + 1, decay));
    return Math.max(paired, skipped);
  }

  private static double meta(AlignmentPair pair, int i, int node) {
    return pair.meta()[i * pair.teacherNodes() + node];
  }

  private static double weight(AlignmentPair pair, int i, int node) {
    int k = i * pair.teacherNodes() + node;
    return Math.pow(0.5, 1 - pair.query()[k]) * Math.pow(0.5, 1 - pair.answer()[k]);
  }
}
