package org.rlkd.engine.reward;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.HttpRewardConfig;
import org.rlkd.core.config.RewardConfig;
import org.rlkd.core.reward.Compatibility;
import org.rlkd.core.reward.HttpRewardOptions;
import org.rlkd.core.reward.Reward;
import org.rlkd.core.reward.RewardOptions;
import org.rlkd.core.reward.Rewards;
import org.rlkd.core.reward.StructureReward;

/** The reward functions of a configuration. */
public final class ConfiguredRewards {
  private ConfiguredRewards() {}

  /**
   * All of {@code reward_funcs}, in that order.
   *
   * @param own rewards of the calling program, which {@code reward_funcs} names by {@link
   *     Reward#name}; they win over those of the same name
   * @param structure makes the {@code structure} reward; called only where it is asked for
   * @throws UsageException for an unknown name or what a function lacks
   */
  public static List<Reward> all(
      RewardConfig config, List<Reward> own, Supplier<StructureReward> structure) {
    RewardOptions options = options(config, System.getenv());
    List<Reward> rewards = new ArrayList<>();
    for (String function : config.functions()) {
      rewards.add(
          own.stream()
              .filter(reward -> reward.name().equals(function))
              .findFirst()
              .orElseGet(() -> Rewards.byName(function, options, structure)));
    }
    return rewards;
  }

  /**
   * The options of the reward functions.
   *
   * @param environment where the key of an HTTP reward is looked for: {@code System.getenv()}
   */
  public static RewardOptions options(RewardConfig config, Map<String, String> environment) {
    return new RewardOptions(
        switch (config.compatibility()) {
          case RLKD -> Compatibility.RLKD;
          case OPEN_R1 -> Compatibility.OPEN_R1;
        },
        false,
        new RewardOptions.Cosine(
            config.cosineMinValueWrong(),
            config.cosineMaxValueWrong(),
            config.cosineMinValueCorrect(),
            config.cosineMaxValueCorrect(),
            config.cosineMaxLen()),
        config.repetitionNGrams(),
        config.repetitionMaxPenalty(),
        config.codeLanguage(),
        new RewardOptions.Overlong(config.maxCompletionLen(), config.softPunishCache()),
        config.http().map(http -> http(http, environment)));
  }

  private static HttpRewardOptions http(HttpRewardConfig config, Map<String, String> environment) {
    URI url;
    try {
      url = URI.create(config.url());
    } catch (IllegalArgumentException e) {
      throw new UsageException(
          "rlkd.http_reward.url: '%s' is not a URL: %s".formatted(config.url(), e.getMessage()), e);
    }
    if (!List.of("http", "https").contains(url.getScheme()) || url.getHost() == null) {
      throw new UsageException(
          "rlkd.http_reward.url: found '%s', expected http://HOST... or https://HOST..."
              .formatted(config.url()));
    }
    return new HttpRewardOptions(
        url,
        config.apiKeyVariable().map(variable -> key(variable, environment)),
        config.batchSize(),
        Duration.ofMillis(Math.max(1, Math.round(1000 * config.timeoutSeconds()))),
        config.retries());
  }

  private static String key(String variable, Map<String, String> environment) {
    String key = environment.getOrDefault(variable, "").strip();
    if (key.isEmpty() || key.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      throw new UsageException(
          "rlkd.http_reward.api_key_env: the environment variable %s %s"
              .formatted(
                  variable,
                  key.isEmpty()
                      ? "is not set; set it, or leave the key out if the server needs none"
                      : "holds characters that no key has"));
    }
    return key;
  }
}
