package org.rlkd.engine.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToIntFunction;
import org.rlkd.engine.model.ModelConfig;

/**
 * Cuts a micro-batch into parts that go through the network one after another: sequences of similar
 * length together, so that little is padding, and few enough that activations and logits stay
 * small. The gradients of the parts add up to that of the micro-batch.
 *
 * @param mostTokens padded tokens of a part
 * @param mostRows target tokens of a part
 */
record BatchParts(long mostTokens, long mostRows) {
  /** Memory for what a backward pass needs of the forward pass, bytes. */
  private static final long ACTIVATION_BUDGET = 2L << 30;

  /** More at once is no faster: matrix products are large enough, caches are left earlier. */
  private static final long AMPLE_TOKENS = 4096;

  /**
   * Parts for a model, however long their targets are.
   *
   * <p>A layer keeps about 8 vectors of the hidden and 4 of the intermediate size for each token:
   * inputs and outputs of the two norms, queries, keys, values, attention's output, and the MLP's
   * gate, its activation, up and their product.
   */
  static BatchParts of(ModelConfig config) {
    long bytesPerToken =
        (long) Float.BYTES
            * config.layers()
            * (8L * config.hiddenSize() + 4L * config.intermediateSize());
    return new BatchParts(
        Math.max(1, Math.min(AMPLE_TOKENS, ACTIVATION_BUDGET / bytesPerToken)), Long.MAX_VALUE);
  }

  BatchParts withMostRows(long rows) {
    return new BatchParts(mostTokens, rows);
  }

  /**
   * The parts, longest sequences first; each has at least one sequence.
   *
   * @param length tokens of a sequence
   * @param rows target tokens of a sequence
   */
  <S> List<List<S>> cut(List<S> sequences, ToIntFunction<S> length, ToIntFunction<S> rows) {
    List<S> sorted = new ArrayList<>(sequences);
    sorted.sort(Comparator.comparingInt(length).reversed());
    List<List<S>> parts = new ArrayList<>();
    List<S> part = new ArrayList<>();
    long partRows = 0;
    for (S sequence : sorted) {
      int more = rows.applyAsInt(sequence);
      if (!part.isEmpty()) {
        long tokens = (long) length.applyAsInt(part.get(0)) * (part.size() + 1);
        if (tokens > mostTokens || partRows + more > mostRows) {
          parts.add(part);
          part = new ArrayList<>();
          partRows = 0;
        }
      }
      part.add(sequence);
      partRows += more;
    }
    if (!part.isEmpty()) {
      parts.add(part);
    }
    return parts;
  }
}
