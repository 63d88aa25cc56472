package org.rlkd.core.config;

import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The reward functions and their options, by the names of TRL and open-r1.
 *
 * @param functions {@code reward_funcs}, [F]
 * @param weights {@code reward_weights}, [F]; 1 each where none are given
 * @param maxCompletionLen {@code max_completion_len} of {@code soft_overlong_punishment}, in
 *     tokens; {@code max_completion_length} where it is not given
 * @param softPunishCache {@code soft_punish_cache}: the last tokens before it, over which the
 *     punishment grows; a quarter of it where it is not given (open-r1: 4096 of 16384)
 * @param http the server of the reward {@code http}, where one is named
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
    String codeLanguage,
    int maxCompletionLen,
    int softPunishCache,
    RewardCompatibility compatibility,
    Optional<HttpRewardConfig> http) {

  static RewardConfig read(Values values) {
    List<String> functions = values.get(RewardKeys.REWARDS);
    if (functions.isEmpty()) {
      values.complain(
          RewardKeys.REWARDS, "found an empty list, expected at least one reward function");
    }
    Set<String> seen = new HashSet<>();
    for (String function : functions) {
      if (!seen.add(function)) {
        values.complain(
            RewardKeys.REWARDS,
            "found '" + function + "' twice; give it once, with the sum of the weights");
      }
    }
    List<Double> weights =
        values.get(RewardKeys.WEIGHTS).orElse(Collections.nCopies(functions.size(), 1.0));
    if (values.readable(RewardKeys.REWARDS, RewardKeys.WEIGHTS)
        && weights.size() != functions.size()) {
      values.complain(
          RewardKeys.WEIGHTS,
          "found "
              + weights.size()
              + " weights for "
              + functions.size()
              + " reward functions "
              + functions
              + "; expected one for each");
    }
    int longest =
        values.get(RewardKeys.MAX_COMPLETION_LEN).orElse(values.get(GrpoKeys.MAX_COMPLETION));
    int cache = values.get(RewardKeys.SOFT_PUNISH_CACHE).orElse(longest / 4);
    if (cache > longest) {
      values.complain(
          RewardKeys.SOFT_PUNISH_CACHE,
          "found %d, expected at most max_completion_len, %d".formatted(cache, longest));
    }
    return new RewardConfig(
        functions,
        weights,
        values.get(RewardKeys.COSINE_MIN_WRONG),
        values.get(RewardKeys.COSINE_MAX_WRONG),
        values.get(RewardKeys.COSINE_MIN_CORRECT),
        values.get(RewardKeys.COSINE_MAX_CORRECT),
        values.get(RewardKeys.COSINE_MAX_LEN),
        values.get(RewardKeys.REPETITION_N_GRAMS),
        values.get(RewardKeys.REPETITION_MAX_PENALTY),
        values.get(RewardKeys.CODE_LANGUAGE),
        longest,
        cache,
        values.get(RewardKeys.COMPATIBILITY),
        HttpRewardConfig.read(values));
  }
}
