package org.rlkd.core.reward;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * Options of the reward {@code http}.
 *
 * @param url of the server
 * @param key for the Authorization header; it is never logged
 * @param batchSize most completions of one request, at least 1
 * @param timeout longest time for one try, its reply read
 * @param retries tries after the first
 */
public record HttpRewardOptions(
    URI url, Optional<String> key, int batchSize, Duration timeout, int retries) {

  @Override
  public String toString() {
    return "HttpRewardOptions[%s, %s a batch]".formatted(url, batchSize);
  }
}
