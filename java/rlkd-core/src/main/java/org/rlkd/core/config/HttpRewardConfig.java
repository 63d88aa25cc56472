package org.rlkd.core.config;

import java.util.Optional;

/**
 * The reward {@code http} ({@code rlkd.http_reward}).
 *
 * @param url where completions are sent for their scores
 * @param apiKeyVariable environment variable with the key for the Authorization header; empty: none
 * @param batchSize most completions of one request
 * @param timeoutSeconds longest time for one try
 * @param retries tries after the first
 */
public record HttpRewardConfig(
    String url,
    Optional<String> apiKeyVariable,
    int batchSize,
    double timeoutSeconds,
    int retries) {

  static Optional<HttpRewardConfig> read(Values values) {
    return values
        .get(RewardKeys.HTTP_URL)
        .map(
            url ->
                new HttpRewardConfig(
                    url,
                    values.get(RewardKeys.HTTP_KEY_VARIABLE),
                    values.get(RewardKeys.HTTP_BATCH),
                    values.get(RewardKeys.HTTP_TIMEOUT),
                    values.get(RewardKeys.HTTP_RETRIES)));
  }
}
