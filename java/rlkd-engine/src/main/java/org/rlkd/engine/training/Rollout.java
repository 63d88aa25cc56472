package org.rlkd.engine.training;

import org.rlkd.engine.generation.Completion;

/**
 * A sampled completion with what the policy update needs of it.
 *
 * @param prompt tokens of the prompt
 * @param completion tokens of the completion
 * @param samplerLogprobs the sampler's log-prob of each completion token
 * @param trained whether its tokens count: false for a truncated completion under {@code
 *     mask_truncated_completions}, and for one that the model could not sample to its end
 * @param advantage its advantage in its group
 * @param oldLogprobs log-probs under the policy that sampled it; null: those of the policy being
 *     updated, detached
 * @param refLogprobs log-probs under the reference model; null without one
 */
record Rollout(
    int[] prompt,
    int[] completion,
    float[] samplerLogprobs,
    boolean trained,
    float advantage,
    float[] oldLogprobs,
    float[] refLogprobs) {

  static Rollout of(int[] prompt, Completion completion, boolean trained, float advantage) {
    return new Rollout(
        prompt, completion.tokens(), completion.logprobs(), trained, advantage, null, null);
  }

  Rollout withOldLogprobs(float[] value) {
    return new Rollout(prompt, completion, samplerLogprobs, trained, advantage, value, refLogprobs);
  }

  Rollout withRefLogprobs(float[] value) {
    return new Rollout(prompt, completion, samplerLogprobs, trained, advantage, oldLogprobs, value);
  }

  /** Tokens of prompt and completion. */
  int length() {
    return prompt.length + completion.length;
  }

  /** Completion tokens that count in the loss. */
  int trainedTokens() {
    return trained ? completion.length : 0;
  }
}
