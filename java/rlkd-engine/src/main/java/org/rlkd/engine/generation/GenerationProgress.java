package org.rlkd.engine.generation;

/**
 * Where a running {@link Generator#generate} stands, after each decoding step.
 *
 * @param finishedCompletions completions that have ended
 * @param totalCompletions all completions of the call
 * @param generatedTokens tokens sampled so far, over all completions
 * @param runningSequences sequences in the batch of the next step
 */
public record GenerationProgress(
    int finishedCompletions, int totalCompletions, long generatedTokens, int runningSequences) {}
