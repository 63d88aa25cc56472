package org.rlkd.cli;

import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.generation.SamplingParameters;
import picocli.CommandLine.Option;

/** How tokens are sampled; what is not given is taken from generation_config.json. */
final class SamplingOptions {
  @Option(names = "--temperature", paramLabel = "T", description = "0 = greedy.")
  private Double temperature;

  @Option(names = "--top-k", paramLabel = "K", description = "0 = off.")
  private Integer topK;

  @Option(names = "--top-p", paramLabel = "P", description = "1 = off.")
  private Double topP;

  @Option(names = "--min-p", paramLabel = "P", description = "0 = off.")
  private Double minP;

  @Option(names = "--repetition-penalty", paramLabel = "R", description = "1 = off.")
  private Double repetitionPenalty;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "256",
      description = "Most new tokens. Default: ${DEFAULT-VALUE}.")
  private int maxTokens;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "Ends a completion; may be repeated.")
  private List<String> stop = List.of();

  @Option(names = "--seed", defaultValue = "0", description = "Default: ${DEFAULT-VALUE}.")
  private long seed;

  /**
   * The parameters for a model.
   *
   * @param defaultTemperature where neither the option nor generation_config.json says
   */
  SamplingParameters parameters(PretrainedModel pretrained, double defaultTemperature) {
    return SamplingParameters.sample(maxTokens)
        .withTemperature(either(temperature, pretrained, "temperature", defaultTemperature))
        .withTopK((int) either(topK, pretrained, "top_k", 0))
        .withTopP(either(topP, pretrained, "top_p", 1))
        .withMinP(either(minP, pretrained, "min_p", 0))
        .withRepetitionPenalty(either(repetitionPenalty, pretrained, "repetition_penalty", 1))
        .withEosTokenIds(Set.copyOf(pretrained.tokenizer().specialTokens().eosIds()))
        .withStopStrings(stop)
        .withSeed(seed);
  }

  private static double either(
      Number given, PretrainedModel pretrained, String key, double otherwise) {
    OptionalDouble recommended = pretrained.generation().number(key);
    return given != null ? given.doubleValue() : recommended.orElse(otherwise);
  }
}
