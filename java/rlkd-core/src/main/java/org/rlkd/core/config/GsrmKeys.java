package org.rlkd.core.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rlkd.core.gsrm.Domain;

/** Keys of the structure reward: {@code rlkd.gsrm}. */
final class GsrmKeys {
  private GsrmKeys() {}

  static final Key<Optional<String>> DECOMPOSER =
      Key.optional("rlkd.gsrm.decomposer", ValueType.TEXT);
  static final Key<Domain> DOMAIN =
      new Key<>("rlkd.gsrm.domain", ValueType.choice(Domain.class), Domain.MATH);
  static final Key<Optional<String>> DECOMPOSER_PROMPT =
      Key.optional("rlkd.gsrm.decomposer_prompt", ValueType.TEXT);
  static final Key<Integer> DECOMPOSER_MAX_TOKENS =
      new Key<>("rlkd.gsrm.decomposer_max_tokens", ValueType.integer(1), 10_000);
  static final Key<Integer> DECOMPOSER_ATTEMPTS =
      new Key<>("rlkd.gsrm.decomposer_attempts", ValueType.integer(1, 100), 3);
  static final EndpointKeys DECOMPOSER_ENDPOINT = new EndpointKeys("rlkd.gsrm.decomposer_endpoint");
  static final Key<String> JUDGE = new Key<>("rlkd.gsrm.judge", ValueType.TEXT, "lexical");
  static final EndpointKeys JUDGE_ENDPOINT = new EndpointKeys("rlkd.gsrm.judge_endpoint");
  static final Key<Boolean> JUDGE_LOGPROBS =
      new Key<>("rlkd.gsrm.judge_endpoint.logprobs", ValueType.FLAG, true);
  static final Key<JudgePrecision> JUDGE_PRECISION =
      new Key<>(
          "rlkd.gsrm.judge_precision",
          ValueType.choice(JudgePrecision.class),
          JudgePrecision.FLOAT32);
  static final Key<Alignment> ALIGNMENT =
      new Key<>("rlkd.gsrm.alignment", ValueType.choice(Alignment.class), Alignment.PREFIX);
  static final Key<Normalize> NORMALIZE =
      new Key<>("rlkd.gsrm.normalize", ValueType.choice(Normalize.class), Normalize.NONE);
  static final Key<Double> GAP_DECAY =
      new Key<>("rlkd.gsrm.gap_decay", ValueType.number("from 0 to 1", n -> n >= 0 && n <= 1), 0.0);
  static final Key<Boolean> GATE = new Key<>("rlkd.gsrm.gate", ValueType.FLAG, true);
  static final Key<GsrmCompatibility> COMPATIBILITY =
      new Key<>(
          "rlkd.gsrm.compatibility",
          ValueType.choice(GsrmCompatibility.class),
          GsrmCompatibility.NONE);
  static final Key<Unscorable> UNSCORABLE =
      new Key<>("rlkd.gsrm.unscorable", ValueType.choice(Unscorable.class), Unscorable.DROP_ROW);
  static final Key<Double> MAX_UNSCORABLE =
      new Key<>(
          "rlkd.gsrm.max_unscorable", ValueType.number("from 0 to 1", n -> n >= 0 && n <= 1), 0.5);
  static final Key<Optional<String>> CACHE_DIR =
      Key.optional("rlkd.gsrm.cache_dir", ValueType.TEXT);
  static final Key<Integer> JUDGE_CACHE_MIB =
      new Key<>("rlkd.gsrm.judge_cache_mib", ValueType.integer(1, 1024), 16);

  static List<Key<?>> all() {
    List<Key<?>> keys =
        new ArrayList<>(
            List.of(
                DECOMPOSER,
                DOMAIN,
                DECOMPOSER_PROMPT,
                DECOMPOSER_MAX_TOKENS,
                DECOMPOSER_ATTEMPTS,
                JUDGE,
                JUDGE_LOGPROBS,
                JUDGE_PRECISION,
                ALIGNMENT,
                NORMALIZE,
                GAP_DECAY,
                GATE,
                COMPATIBILITY,
                UNSCORABLE,
                MAX_UNSCORABLE,
                CACHE_DIR,
                JUDGE_CACHE_MIB));
    keys.addAll(DECOMPOSER_ENDPOINT.all());
    keys.addAll(JUDGE_ENDPOINT.all());
    return keys;
  }
}
