package org.rlkd.engine.generation;

/**
 * Where a running {@link Generator#generate} stands, after each decoding step. One object for all
 * steps, which changes as the call goes on: take its numbers, do not keep it.
 */
public interface GenerationProgress {
  /** Completions that have ended. */
  int finishedCompletions();

  /** All completions of the call. */
  int totalCompletions();

  /** Tokens sampled so far, over all completions. */
  long generatedTokens();

  /** Sequences in the batch of the next step. */
  int runningSequences();
}
