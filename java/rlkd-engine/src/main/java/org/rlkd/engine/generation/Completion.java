package org.rlkd.engine.generation;

/**
 * One sampled continuation of a prompt.
 *
 * @param tokens the new tokens, without the prompt; includes the end-of-sequence token if {@code
 *     finishReason} is {@link FinishReason#EOS}
 * @param logprobs for each token log softmax(logits / temperature) in nats, before repetition
 *     penalty and truncation (temperature 1 for greedy sampling): what the trainer computes as the
 *     token's log-prob; same length as {@code tokens}
 * @param finishReason why it ended
 */
public record Completion(int[] tokens, float[] logprobs, FinishReason finishReason) {
  public Completion {
    if (tokens.length != logprobs.length) {
      throw new IllegalArgumentException(
          tokens.length + " tokens but " + logprobs.length + " log-probs");
    }
  }

  /** Number of new tokens. */
  public int length() {
    return tokens.length;
  }
}
