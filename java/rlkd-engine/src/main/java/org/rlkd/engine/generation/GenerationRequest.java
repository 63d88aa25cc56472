package org.rlkd.engine.generation;

import org.rlkd.core.UsageException;

/**
 * One prompt and how many completions it gets. The prompt is run through the model once; its keys
 * and values are shared by the completions.
 *
 * @param promptTokens token ids of the prompt, not padded, at least one
 * @param completions how many completions to sample, at least 1 (TRL: {@code num_generations})
 * @param promptKey identifies the prompt in the random numbers: equal keys (with equal seed, step
 *     and completion index) draw equal numbers, wherever the prompt stands among the requests
 */
public record GenerationRequest(int[] promptTokens, int completions, long promptKey) {
  public GenerationRequest {
    if (completions < 1) {
      throw new UsageException(
          "found " + completions + " completions for a prompt, expected at least 1");
    }
  }
}
