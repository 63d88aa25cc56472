package org.rlkd.core.reward;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.rlkd.core.InputException;

/**
 * Stops a run in which too many completions are unscorable: training would go on with what is left,
 * and nobody would know.
 *
 * <p>Looked at are the last {@value #WINDOW} completions, from {@value #LEAST} on. One bad problem
 * stops nothing: the unscorable ones must be of two problems at least.
 */
final class UnscorableLimit {
  static final int WINDOW = 256;
  static final int LEAST = 16;

  private record Seen(String problemId, String reason) {}

  private final double limit;
  private final Deque<Seen> window = new ArrayDeque<>();

  /**
   * @param limit largest share that is let through, in [0, 1]
   */
  UnscorableLimit(double limit) {
    this.limit = limit;
  }

  /**
   * Takes one more completion.
   *
   * @param reason null if it is scorable
   */
  void add(String problemId, String reason) {
    window.addLast(new Seen(problemId, reason));
    if (window.size() > WINDOW) {
      window.removeFirst();
    }
  }

  /**
   * Looks at the completions so far.
   *
   * @throws InputException if too many are unscorable, with the most frequent reason
   */
  void check() {
    Map<String, Integer> reasons = new HashMap<>();
    window.stream()
        .map(Seen::reason)
        .filter(Objects::nonNull)
        .forEach(reason -> reasons.merge(reason, 1, Integer::sum));
    int unscorable = reasons.values().stream().mapToInt(Integer::intValue).sum();
    long problems =
        window.stream()
            .filter(seen -> seen.reason != null)
            .map(Seen::problemId)
            .distinct()
            .limit(2)
            .count();
    if (window.size() < LEAST || problems < 2 || unscorable <= limit * window.size()) {
      return;
    }
    Map.Entry<String, Integer> cause =
        reasons.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow();
    throw new InputException(
        "%d of the last %d completions have no structure score, rlkd.gsrm.max_unscorable is %s. The most frequent cause (%d): %s. Mend it, or raise rlkd.gsrm.max_unscorable."
            .formatted(unscorable, window.size(), limit, cause.getValue(), cause.getKey()));
  }
}
