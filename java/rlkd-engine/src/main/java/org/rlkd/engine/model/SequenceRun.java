package org.rlkd.engine.model;

/**
 * Sequences of the same length that follow each other in {@link PackedSequences}.
 *
 * @param count how many
 * @param length tokens of each
 * @param prefix number of the run, of one sequence, whose tokens stand before each of these; {@link
 *     #NO_PREFIX} if they begin with their own first token
 */
public record SequenceRun(int count, int length, int prefix) {
  /** The sequences begin with their own first token. */
  public static final int NO_PREFIX = -1;

  public SequenceRun {
    if (count < 1 || length < 1 || prefix < NO_PREFIX) {
      throw new IllegalArgumentException(
          "a run of " + count + " sequences of " + length + " tokens after run " + prefix);
    }
  }

  /** Whether its sequences continue another. */
  public boolean continues() {
    return prefix != NO_PREFIX;
  }

  /** Tokens of all its sequences. */
  long tokens() {
    return (long) count * length;
  }
}
