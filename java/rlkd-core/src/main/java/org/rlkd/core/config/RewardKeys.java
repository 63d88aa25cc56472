package org.rlkd.core.config;

import java.util.List;
import java.util.Optional;

/** The reward functions and their options: open-r1's names, rlkd's own under {@code rlkd}. */
final class RewardKeys {

  private RewardKeys() {}

  static final Key<List<String>> REWARDS =
      new Key<>(
          "reward_funcs",
          ValueType.listOf(ValueType.TEXT),
          List.of("accuracy", "format", "tag_count"));
  static final Key<Optional<List<Double>>> WEIGHTS =
      Key.optional("reward_weights", ValueType.listOf(ValueType.number()));
  static final Key<Double> COSINE_MIN_WRONG =
      new Key<>("cosine_min_value_wrong", ValueType.number(), 0.0);
  static final Key<Double> COSINE_MAX_WRONG =
      new Key<>("cosine_max_value_wrong", ValueType.number(), -0.5);
  static final Key<Double> COSINE_MIN_CORRECT =
      new Key<>("cosine_min_value_correct", ValueType.number(), 0.5);
  static final Key<Double> COSINE_MAX_CORRECT =
      new Key<>("cosine_max_value_correct", ValueType.number(), 1.0);
  static final Key<Integer> COSINE_MAX_LEN =
      new Key<>("cosine_max_len", ValueType.integer(1), 1000);
  static final Key<Integer> REPETITION_N_GRAMS =
      new Key<>("repetition_n_grams", ValueType.integer(1), 3);
  static final Key<Double> REPETITION_MAX_PENALTY =
      new Key<>("repetition_max_penalty", ValueType.number("of at most 0", n -> n <= 0), -1.0);
  static final Key<String> CODE_LANGUAGE = new Key<>("code_language", ValueType.TEXT, "python");
  static final Key<Optional<Integer>> MAX_COMPLETION_LEN =
      Key.optional("max_completion_len", ValueType.integer(1));
  static final Key<Optional<Integer>> SOFT_PUNISH_CACHE =
      Key.optional("soft_punish_cache", ValueType.integer(0));
  static final Key<RewardCompatibility> COMPATIBILITY =
      new Key<>("compatibility", compatibility(), RewardCompatibility.RLKD);
  static final Key<Optional<String>> HTTP_URL =
      Key.optional("rlkd.http_reward.url", ValueType.TEXT);
  static final Key<Optional<String>> HTTP_KEY_VARIABLE =
      Key.optional("rlkd.http_reward.api_key_env", ValueType.TEXT);
  static final Key<Integer> HTTP_BATCH =
      new Key<>("rlkd.http_reward.batch_size", ValueType.integer(1), 256);
  static final Key<Double> HTTP_TIMEOUT =
      new Key<>("rlkd.http_reward.timeout_seconds", ValueType.above(0), 60.0);
  static final Key<Integer> HTTP_RETRIES =
      new Key<>("rlkd.http_reward.retries", ValueType.integer(0, 100), 3);

  /** {@code open-r1} is written with a hyphen, as the project is. */
  private static ValueType<RewardCompatibility> compatibility() {
    ValueType<String> text = ValueType.TEXT;
    return new ValueType<>(
        "one of rlkd, open-r1",
        value ->
            text.reader()
                .apply(value)
                .flatMap(
                    name ->
                        switch (name) {
                          case "rlkd" -> Optional.of(RewardCompatibility.RLKD);
                          case "open-r1" -> Optional.of(RewardCompatibility.OPEN_R1);
                          default -> Optional.empty();
                        }));
  }

  static List<Key<?>> all() {
    return List.of(
        REWARDS,
        WEIGHTS,
        COSINE_MIN_WRONG,
        COSINE_MAX_WRONG,
        COSINE_MIN_CORRECT,
        COSINE_MAX_CORRECT,
        COSINE_MAX_LEN,
        REPETITION_N_GRAMS,
        REPETITION_MAX_PENALTY,
        CODE_LANGUAGE,
        MAX_COMPLETION_LEN,
        SOFT_PUNISH_CACHE,
        COMPATIBILITY,
        HTTP_URL,
        HTTP_KEY_VARIABLE,
        HTTP_BATCH,
        HTTP_TIMEOUT,
        HTTP_RETRIES);
  }
}
