package org.rlkd.core.config;

import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The reward functions and their options, by the names of TRL and open-r1.
 *
 * @param functions {@code reward_funcs}, [F]
 * @param weights {@code reward_weights}, [F]; 1 each where none are given
 */
public record RewardConfig(
    List<String> functions,
    List<Double> weights,
    double cosineMinValueWrong,
    double cosineMaxValueWrong,
    double cosineMinValueCorrect,
    double cosineMaxValueCorrect,
    int cosineMaxLen,
    int repetitionNGrams,
    double repetitionMaxPenalty,
    String codeLanguage) {

  static RewardConfig read(Values values) {
    List<String> functions = values.get(GrpoKeys.REWARDS);
    if (functions.isEmpty()) {
      values.complain(
          GrpoKeys.REWARDS, "found an empty list, expected at least one reward function");
    }
    Set<String> seen = new HashSet<>();
    for (String function : functions) {
      if (!seen.add(function)) {
        values.complain(
            GrpoKeys.REWARDS,
            "found '" + function + "' twice; give it once, with the sum of the weights");
      }
    }
    List<Double> weights =
        values.get(GrpoKeys.WEIGHTS).orElse(Collections.nCopies(functions.size(), 1.0));
    if (weights.size() != functions.size()) {
      values.complain(
          GrpoKeys.WEIGHTS,
          "found "
              + weights.size()
              + " weights for "
              + functions.size()
              + " reward functions "
              + functions
              + "; expected one for each");
    }
    return new RewardConfig(
        functions,
        weights,
        values.get(GrpoKeys.COSINE_MIN_WRONG),
        values.get(GrpoKeys.COSINE_MAX_WRONG),
        values.get(GrpoKeys.COSINE_MIN_CORRECT),
        values.get(GrpoKeys.COSINE_MAX_CORRECT),
        values.get(GrpoKeys.COSINE_MAX_LEN),
        values.get(GrpoKeys.REPETITION_N_GRAMS),
        values.get(GrpoKeys.REPETITION_MAX_PENALTY),
        values.get(GrpoKeys.CODE_LANGUAGE));
  }
}
