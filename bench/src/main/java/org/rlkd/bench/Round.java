package org.rlkd.bench;

/** What a contender does in a round. */
interface Round {
  /** Before the clock starts: back to the state before the first round. */
  default void prepare() {}

  /** Returns the number of tokens, pairs or rows, 0 where they are not counted. */
  long run();

  /** What the last round computed, where contenders must agree. */
  default double[] results() {
    return new double[0];
  }
}
