package org.rlkd.core.reward;

import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.rlkd.core.text.PythonWhitespace;

/**
 * {@code maxPenalty} times the share of repeated n-grams among all n-grams of lower-cased words
 * (arXiv 2502.03373, C.2); 0 for a completion of fewer than n words.
 */
record RepetitionPenaltyReward(int nGrams, double maxPenalty) implements Reward {
  @Override
  public String name() {
    return "repetition_penalty";
  }

  @Override
  public double[] score(List<RewardSample> samples) {
    return samples.stream().mapToDouble(sample -> score(sample.completion())).toArray();
  }

  private double score(String completion) {
    List<String> words = PythonWhitespace.split(completion.toLowerCase(Locale.ROOT));
    int total = words.size() - nGrams + 1;
    if (total <= 0) {
      return 0;
    }
    Set<List<String>> distinct = new HashSet<>();
    for (int i = 0; i < total; i++) {
      distinct.add(words.subList(i, i + nGrams));
    }
    return (1 - (double) distinct.size() / total) * maxPenalty;
  }
}
