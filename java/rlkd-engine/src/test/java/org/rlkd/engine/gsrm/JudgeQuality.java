package org.rlkd.engine.gsrm;

import java.util.ArrayList;
import java.util.List;
import org.rlkd.core.gsrm.Aspect;
import org.rlkd.core.gsrm.Judge;
import org.rlkd.core.gsrm.Judgement;
import org.rlkd.engine.gsrm.LabelledPairs.LabelledPair;

/**
 * How a judge's probabilities fit the labels of one aspect.
 *
 * @param count labelled pairs
 * @param accuracy share on the right side of one half
 * @param auc probability that an agreeing pair gets more than a disagreeing one, ties half
 */
record JudgeQuality(int count, double accuracy, double auc) {

  static JudgeQuality of(List<LabelledPair> pairs, List<Judgement> judgements, Aspect aspect) {
    List<Double> agreeing = new ArrayList<>();
    List<Double> disagreeing = new ArrayList<>();
    for (int i = 0; i < pairs.size(); i++) {
      Boolean label = pairs.get(i).label(aspect);
      if (label != null) {
        double probability = judgements.get(i).of(aspect);
        if (Double.isNaN(probability)) {
          throw new AssertionError("judge failed on " + pairs.get(i));
        }
        (label ? agreeing : disagreeing).add(probability);
      }
    }
    long right =
        agreeing.stream().filter(p -> p >= 0.5).count()
            + disagreeing.stream().filter(p -> p < 0.5).count();
    double wins = 0;
    for (double yes : agreeing) {
      for (double no : disagreeing) {
        wins += yes > no ? 1 : yes == no ? 0.5 : 0;
      }
    }
    int count = agreeing.size() + disagreeing.size();
    return new JudgeQuality(
        count, right / (double) count, wins / ((double) agreeing.size() * disagreeing.size()));
  }

  static JudgeQuality of(Judge judge, List<LabelledPair> pairs, Aspect aspect) {
    return of(pairs, judge.judge(pairs.stream().map(LabelledPair::pair).toList()), aspect);
  }
}
