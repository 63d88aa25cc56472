package org.rlkd.engine.policy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.rlkd.engine.generation.Completion;

/**
 * How long the completions of a generation batch are and which of them were cut off; what {@code
 * mask_truncated_completions} leaves of them.
 *
 * @param lengths [N] tokens, including the end-of-sequence token
 * @param truncated [N] true where the completion did not end by its own choice
 */
public record CompletionLengths(int[] lengths, boolean[] truncated) {

  /** By the sampler's reason for ending. */
  public static CompletionLengths of(List<Completion> completions) {
    int[] lengths = new int[completions.size()];
    boolean[] truncated = new boolean[completions.size()];
    for (int i = 0; i < lengths.length; i++) {
      lengths[i] = completions.get(i).length();
      truncated[i] = completions.get(i).finishReason().isTruncated();
    }
    return new CompletionLengths(lengths, truncated);
  }

  /**
   * By TRL's rule: cut off is a completion whose last token is neither an end-of-sequence token nor
   * padding.
   */
  public static CompletionLengths of(
      List<int[]> completions, Set<Integer> eosTokens, int padToken) {
    int[] lengths = new int[completions.size()];
    boolean[] truncated = new boolean[completions.size()];
    for (int i = 0; i < lengths.length; i++) {
      int[] tokens = completions.get(i);
      lengths[i] = tokens.length;
      int last = tokens.length == 0 ? padToken : tokens[tokens.length - 1];
      truncated[i] = last != padToken && !eosTokens.contains(last);
    }
    return new CompletionLengths(lengths, truncated);
  }

  /** Whether the tokens of completion i count in the loss. */
  public boolean trained(int i, boolean maskTruncatedCompletions) {
    return !(maskTruncatedCompletions && truncated[i]);
  }

  /** Tokens that count in the loss: {@link LossScale#numItemsInBatch} of one process. */
  public long trainedTokens(boolean maskTruncatedCompletions) {
    return IntStream.range(0, lengths.length)
        .filter(i -> trained(i, maskTruncatedCompletions))
        .mapToLong(i -> lengths[i])
        .sum();
  }

  /** By TRL's names, tokens; the lengths of terminated completions are 0 if there is none. */
  public Map<String, Double> metrics() {
    int[] terminated =
        IntStream.range(0, lengths.length)
            .filter(i -> !truncated[i])
            .map(i -> lengths[i])
            .toArray();
    Map<String, Double> metrics = new LinkedHashMap<>();
    put(metrics, "length", lengths);
    put(metrics, "terminated_length", terminated);
    metrics.put("completions/clipped_ratio", 1 - (double) terminated.length / lengths.length);
    return metrics;
  }

  private static void put(Map<String, Double> metrics, String name, int[] values) {
    metrics.put("completions/mean_" + name, IntStream.of(values).average().orElse(0));
    metrics.put("completions/min_" + name, (double) IntStream.of(values).min().orElse(0));
    metrics.put("completions/max_" + name, (double) IntStream.of(values).max().orElse(0));
  }
}
