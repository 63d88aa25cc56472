package org.rlkd.core.config;

import java.util.Optional;

/**
 * How completions are sampled in training, by TRL's names.
 *
 * @param maxPromptLength tokens that a prompt may have; empty: no limit
 * @param maxCompletionLength tokens of a completion at most
 * @param temperature above 0
 * @param topP in (0, 1]; 1 = off
 * @param topK 0 = off
 * @param minP in [0, 1]; 0 = off
 * @param repetitionPenalty 1 = off
 */
public record SamplingConfig(
    Optional<Integer> maxPromptLength,
    int maxCompletionLength,
    double temperature,
    double topP,
    int topK,
    double minP,
    double repetitionPenalty) {

  static SamplingConfig read(Values values) {
    return new SamplingConfig(
        values.get(GrpoKeys.MAX_PROMPT),
        values.get(GrpoKeys.MAX_COMPLETION),
        values.get(GrpoKeys.TEMPERATURE),
        values.get(GrpoKeys.TOP_P),
        values.get(GrpoKeys.TOP_K),
        values.get(GrpoKeys.MIN_P).orElse(0.0),
        values.get(GrpoKeys.REPETITION_PENALTY));
  }
}
