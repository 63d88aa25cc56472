package org.rlkd.core.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The keys of one endpoint, all under its prefix. */
final class EndpointKeys {
  final Key<Optional<String>> baseUrl;
  final Key<Optional<String>> model;
  final Key<Optional<String>> apiKeyEnv;
  final Key<Integer> concurrency;
  final Key<Double> timeout;
  final Key<Integer> retries;
  final Key<Optional<Long>> requestBudget;

  EndpointKeys(String prefix) {
    baseUrl = Key.optional(prefix + ".base_url", ValueType.TEXT);
    model = Key.optional(prefix + ".model", ValueType.TEXT);
    apiKeyEnv = Key.optional(prefix + ".api_key_env", ValueType.TEXT);
    concurrency = new Key<>(prefix + ".concurrency", ValueType.integer(1, 1024), 16);
    timeout =
        new Key<>(
            prefix + ".timeout_seconds",
            ValueType.number("above 0 to 86400", n -> n > 0 && n <= 86_400),
            120.0);
    retries = new Key<>(prefix + ".retries", ValueType.integer(0, 20), 4);
    requestBudget = Key.optional(prefix + ".request_budget", ValueType.longInteger(0));
  }

  List<Key<?>> all() {
    return new ArrayList<>(
        List.of(baseUrl, model, apiKeyEnv, concurrency, timeout, retries, requestBudget));
  }
}
