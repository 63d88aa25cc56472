package org.rlkd.engine.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Sequences one after another in a single row, without padding. A token sees those before it in its
 * own sequence and, where the sequence continues a prefix, the prefix, which is there once for all
 * that continue it: the prompt of a group of completions. It sees nothing else.
 *
 * <pre>
 * runs   prompt | 3 completions of it, 5 tokens each | 1 completion of it, 4 tokens | prompt | ...
 * </pre>
 *
 * @param inputIds [1, N] int64, on the model's device
 * @param runs N tokens together; a prefix comes before the runs that continue it, is of one
 *     sequence and continues none itself
 */
public record PackedSequences(Tensor inputIds, List<SequenceRun> runs) {

  public PackedSequences {
    runs = List.copyOf(runs);
    long tokens = 0;
    for (int i = 0; i < runs.size(); i++) {
      SequenceRun run = runs.get(i);
      tokens += run.tokens();
      if (run.continues()
          && (run.prefix() >= i
              || runs.get(run.prefix()).count() != 1
              || runs.get(run.prefix()).continues())) {
        throw new IllegalArgumentException(
            "run " + i + " continues run " + run.prefix() + ", which is no single sequence before");
      }
    }
    if (inputIds.dim() != 2 || inputIds.size(0) != 1 || inputIds.size(1) != tokens) {
      throw new IllegalArgumentException(
          "input ids are not of the shape [1, " + tokens + "] of the runs");
    }
  }

  /** Tokens before the first own one of a run's sequences. */
  int prefixLength(SequenceRun run) {
    return run.continues() ? runs.get(run.prefix()).length() : 0;
  }

  /** Tokens of the longest sequence, its prefix included. */
  int longest() {
    return runs.stream().mapToInt(run -> prefixLength(run) + run.length()).max().orElse(0);
  }

  /** The place of each token in its sequence, prefix included: [N]. */
  long[] positions() {
    long[] positions = new long[Math.toIntExact(inputIds.size(1))];
    int at = 0;
    for (SequenceRun run : runs) {
      for (int i = 0; i < run.tokens(); i++) {
        positions[at++] = prefixLength(run) + i % run.length();
      }
    }
    return positions;
  }
}
