package org.rlkd.engine.policy;

/**
 * What the loss of a micro-batch is divided by. Which of the numbers count depends on the loss
 * type: docs/formulas.md.
 *
 * @param training false in evaluation, where accumulation does not enter
 * @param accumulationSteps micro-batches of an optimizer step (TRL's {@code
 *     gradient_accumulation_steps})
 * @param stepsPerGeneration micro-batches that a generation batch is cut into (TRL's {@code
 *     steps_per_generation})
 * @param numItemsInBatch loss-mask tokens of the whole generation batch over all processes, after
 *     truncation masking
 * @param numProcesses processes that train together
 * @param maxCompletionLength TRL's {@code max_completion_length} (dr_grpo)
 * @param batchSequences sequences of the micro-batch, where a call sees a part of it; 0: the call's
 * @param batchTokens loss-mask tokens of the micro-batch, where a call sees a part of it; 0: the
 *     call's
 */
public record LossScale(
    boolean training,
    int accumulationSteps,
    int stepsPerGeneration,
    long numItemsInBatch,
    int numProcesses,
    int maxCompletionLength,
    long batchSequences,
    long batchTokens) {

  /** The scale of a call that sees a part of a micro-batch: the results of its parts add up. */
  public LossScale ofPart(long sequencesOfBatch, long tokensOfBatch) {
    return new LossScale(
        training,
        accumulationSteps,
        stepsPerGeneration,
        numItemsInBatch,
        numProcesses,
        maxCompletionLength,
        sequencesOfBatch,
        tokensOfBatch);
  }
}
