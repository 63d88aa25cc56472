package org.rlkd.engine.training;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.rlkd.engine.memory.MemoryOptions;

/**
 * Cuts a micro-batch into parts that go through the network one after another, few enough sequences
 * each that activations and logits stay small. The gradients of the parts add up to that of the
 * micro-batch. A part is packed, so its tokens are those of its sequences, and sequences with the
 * same prompt stay together and count it once in a part.
 *
 * @param mostTokens tokens of a part, unless a single sequence has more
 * @param mostRows target tokens of a part
 */
record BatchParts(long mostTokens, long mostRows) {
  /** Parts of so many tokens, however long their targets are. */
  static BatchParts of(MemoryOptions memory) {
    return new BatchParts(memory.tokens(), Long.MAX_VALUE);
  }

  BatchParts withMostRows(long rows) {
    return new BatchParts(mostTokens, rows);
  }

  /**
   * What a sequence adds to a part.
   *
   * @param prompt tokens that count once for all sequences of a part that have them; may be empty
   * @param tokens the other tokens
   * @param rows target tokens
   */
  record Extent(IntBuffer prompt, int tokens, int rows) {}

  /** The parts, each of at least one sequence; sequences of a prompt follow each other. */
  <S> List<List<S>> cut(List<S> sequences, Function<S, Extent> extent) {
    Map<IntBuffer, List<S>> byPrompt = new LinkedHashMap<>();
    for (S sequence : sequences) {
      byPrompt
          .computeIfAbsent(extent.apply(sequence).prompt(), prompt -> new ArrayList<>())
          .add(sequence);
    }
    List<List<S>> parts = new ArrayList<>();
    List<S> part = new ArrayList<>();
    long tokens = 0;
    long rows = 0;
    for (List<S> group : byPrompt.values()) {
      boolean prompted = false;
      // Those of the same length come into the same part, where they are one run.
      List<S> sorted = new ArrayList<>(group);
      sorted.sort(Comparator.comparingInt((S s) -> extent.apply(s).tokens()).reversed());
      for (S sequence : sorted) {
        Extent more = extent.apply(sequence);
        long moreTokens = more.tokens() + (prompted ? 0 : more.prompt().remaining());
        if (!part.isEmpty()
            && (tokens + moreTokens > mostTokens || rows + more.rows() > mostRows)) {
          parts.add(part);
          part = new ArrayList<>();
          tokens = 0;
          rows = 0;
          moreTokens = more.tokens() + more.prompt().remaining();
        }
        prompted = true;
        part.add(sequence);
        tokens += moreTokens;
        rows += more.rows();
      }
    }
    if (!part.isEmpty()) {
      parts.add(part);
    }
    return parts;
  }
}
