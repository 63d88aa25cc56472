package org.rlkd.engine.training;

/**
 * Where the log-probs of the policy that sampled come from, when the policy has moved on since
 * ({@code num_iterations} above 1, or a generation batch that feeds several optimizer steps).
 * Otherwise they are those of the policy being updated, and the ratio is 1, as in TRL.
 */
public enum OldLogprobs {
  /** Computed by the trainer before the first update, as TRL does. */
  RECOMPUTED,
  /** The sampler's own, which agree within 1e-4 and cost nothing. */
  SAMPLED
}
