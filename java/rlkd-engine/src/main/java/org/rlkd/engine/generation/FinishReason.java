package org.rlkd.engine.generation;

/** Why a completion ended. */
public enum FinishReason {
  /** An end-of-sequence token was sampled; it is the completion's last token. */
  EOS,
  /** The decoded text reached a stop string; the token that completed it is the last one. */
  STOP_STRING,
  /** {@code maxNewTokens} or the model's {@code max_position_embeddings} was reached: truncated. */
  LENGTH,
  /** The caller cancelled; the tokens sampled so far are kept. */
  CANCELLED,
  /**
   * The model produced a NaN logit, or no finite one; the tokens before it are kept. Such a
   * completion must not be trained on.
   */
  NON_FINITE_LOGITS;

  /** True if the sequence did not end by its own choice: the "truncated" of TRL's metrics. */
  public boolean isTruncated() {
    return this != EOS && this != STOP_STRING;
  }
}
