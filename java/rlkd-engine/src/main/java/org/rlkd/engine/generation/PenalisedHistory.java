package org.rlkd.engine.generation;

import java.nio.LongBuffer;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.rlkd.engine.tensor.HostRows;

/**
 * The tokens that a repetition penalty counts for, those of prompt and completion, one row of the
 * sampler after the other. On buffers that are made once.
 */
final class PenalisedHistory {
  private final HostRows penalty;
  private final HostRows tokens;
  private final HostRows offsets;
  private final LongBuffer tokenValues;
  private final LongBuffer offsetValues;
  private int size;

  /**
   * For up to {@code maxRows} sequences of up to {@code maxTokens} tokens, the prompt's included.
   */
  PenalisedHistory(double penalty, int maxRows, int maxTokens) {
    this.penalty = HostRows.floats(maxRows);
    this.penalty.tensor().fill_(new Scalar(penalty));
    this.tokens = HostRows.longs((long) maxRows * maxTokens);
    this.offsets = HostRows.longs(maxRows + 1L);
    this.tokenValues = tokens.longs();
    this.offsetValues = offsets.longs();
  }

  /** Takes the tokens of the sequences from {@code from} to before {@code to}. */
  void take(List<Sequence> rows, int from, int to) {
    size = 0;
    offsetValues.put(0, 0);
    for (int r = from; r < to; r++) {
      Sequence row = rows.get(r);
      for (int token : row.group().promptTokens()) {
        tokenValues.put(size++, token);
      }
      for (int i = 0; i < row.size(); i++) {
        tokenValues.put(size++, row.token(i));
      }
      offsetValues.put(r - from + 1, size);
    }
  }

  /** Tokens taken. */
  int size() {
    return size;
  }

  /** One factor a row. */
  HostRows penalty() {
    return penalty;
  }

  HostRows tokens() {
    return tokens;
  }

  /** Where the tokens of each row begin, and where the last end. */
  HostRows offsets() {
    return offsets;
  }
}
