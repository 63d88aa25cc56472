package org.rlkd.core.config;

import java.util.Optional;
import org.rlkd.core.endpoint.EndpointSettings;
import org.rlkd.core.gsrm.Domain;

/**
 * How a model that decomposes is asked.
 *
 * @param domain whose instructions and examples the prompt shows
 * @param prompt file with the user's own instructions, in place of the domain's
 * @param maxTokens most tokens of a decomposition
 * @param attempts how often an output that does not parse is tried
 * @param endpoint the server of {@code decomposer: endpoint}; empty for others
 */
public record DecomposerConfig(
    Domain domain,
    Optional<String> prompt,
    int maxTokens,
    int attempts,
    Optional<EndpointSettings> endpoint) {

  /** What holds where no key is given. */
  public static final DecomposerConfig DEFAULT =
      new DecomposerConfig(
          GsrmKeys.DOMAIN.defaultValue(),
          Optional.empty(),
          GsrmKeys.DECOMPOSER_MAX_TOKENS.defaultValue(),
          GsrmKeys.DECOMPOSER_ATTEMPTS.defaultValue(),
          Optional.empty());
}
