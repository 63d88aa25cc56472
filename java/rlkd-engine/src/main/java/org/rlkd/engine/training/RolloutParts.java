package org.rlkd.engine.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Cuts a micro-batch into parts that go through the network one after another: rollouts of similar
 * length together, so that little is padding, and few enough that activations and logits stay
 * small. The sum of the parts' gradients is the gradient of the micro-batch.
 */
final class RolloutParts {
  private RolloutParts() {}

  /**
   * Parts of the rollouts; each has at least one.
   *
   * @param mostTokens padded tokens of a part
   * @param mostRows completion tokens of a part
   */
  static List<List<Rollout>> of(List<Rollout> rollouts, long mostTokens, long mostRows) {
    List<Rollout> sorted = new ArrayList<>(rollouts);
    sorted.sort(Comparator.comparingInt(Rollout::length).reversed());
    List<List<Rollout>> parts = new ArrayList<>();
    List<Rollout> part = new ArrayList<>();
    long rows = 0;
    for (Rollout rollout : sorted) {
      if (!part.isEmpty()) {
        long tokens = (long) part.get(0).length() * (part.size() + 1);
        if (tokens > mostTokens || rows + rollout.completion().length > mostRows) {
          parts.add(part);
          part = new ArrayList<>();
          rows = 0;
        }
      }
      part.add(rollout);
      rows += rollout.completion().length;
    }
    if (!part.isEmpty()) {
      parts.add(part);
    }
    return parts;
  }
}
