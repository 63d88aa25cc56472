package org.rlkd.core.config;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import org.rlkd.core.endpoint.EndpointSettings;

/**
 * The structure reward ({@code rlkd.gsrm}).
 *
 * @param decomposer {@code tagged}, {@code gsm8k-socratic}, {@code endpoint}, or the directory of a
 *     model that turns reasoning into steps; empty: {@code tagged}
 * @param decomposing how a model that decomposes is asked
 * @param judge {@code lexical}, {@code embedding}, {@code endpoint}, or the directory of a model
 *     that says yes or no
 * @param judgePrecision weights of {@code judge: embedding}
 * @param judgeEndpoint the server of {@code judge: endpoint}; empty for others
 * @param alignment which teacher step a student step is compared with
 * @param normalize what the reward is divided by
 * @param gapDecay factor for each skipped step, in [0, 1]; {@code monotone} and {@code tree}
 * @param gate whether a meta-reasoning that disagrees closes the gate for the steps after it
 * @param compatibility whose reward it is
 * @param unscorable what becomes of a completion with a NaN reward
 * @param maxUnscorable share of unscorable completions above which a run stops, in [0, 1]
 * @param cache what is kept on disk
 */
public record GsrmConfig(
    Optional<String> decomposer,
    DecomposerConfig decomposing,
    String judge,
    JudgePrecision judgePrecision,
    Optional<EndpointSettings> judgeEndpoint,
    Alignment alignment,
    Normalize normalize,
    double gapDecay,
    boolean gate,
    GsrmCompatibility compatibility,
    Unscorable unscorable,
    double maxUnscorable,
    GsrmCacheConfig cache) {
  private static final String ENDPOINT = "endpoint";
  private static final String EMBEDDING = "embedding";

  /** The rest at their defaults. */
  public GsrmConfig(
      Optional<String> decomposer,
      String judge,
      Alignment alignment,
      Normalize normalize,
      double gapDecay,
      boolean gate,
      Unscorable unscorable) {
    this(
        decomposer,
        DecomposerConfig.DEFAULT,
        judge,
        GsrmKeys.JUDGE_PRECISION.defaultValue(),
        Optional.empty(),
        alignment,
        normalize,
        gapDecay,
        gate,
        GsrmKeys.COMPATIBILITY.defaultValue(),
        unscorable,
        GsrmKeys.MAX_UNSCORABLE.defaultValue(),
        GsrmCacheConfig.DEFAULT);
  }

  static GsrmConfig read(Values values) {
    Optional<String> decomposer = values.get(GsrmKeys.DECOMPOSER);
    String judge = values.get(GsrmKeys.JUDGE);
    GsrmConfig config =
        new GsrmConfig(
            decomposer,
            new DecomposerConfig(
                values.get(GsrmKeys.DOMAIN),
                values.get(GsrmKeys.DECOMPOSER_PROMPT),
                values.get(GsrmKeys.DECOMPOSER_MAX_TOKENS),
                values.get(GsrmKeys.DECOMPOSER_ATTEMPTS),
                endpoint(
                    values,
                    GsrmKeys.DECOMPOSER_ENDPOINT,
                    decomposer.filter(ENDPOINT::equals).isPresent(),
                    GsrmKeys.DECOMPOSER,
                    false)),
            judge,
            values.get(GsrmKeys.JUDGE_PRECISION),
            endpoint(
                values,
                GsrmKeys.JUDGE_ENDPOINT,
                judge.equals(ENDPOINT),
                GsrmKeys.JUDGE,
                values.get(GsrmKeys.JUDGE_LOGPROBS)),
            values.get(GsrmKeys.ALIGNMENT),
            values.get(GsrmKeys.NORMALIZE),
            values.get(GsrmKeys.GAP_DECAY),
            values.get(GsrmKeys.GATE),
            values.get(GsrmKeys.COMPATIBILITY),
            values.get(GsrmKeys.UNSCORABLE),
            values.get(GsrmKeys.MAX_UNSCORABLE),
            new GsrmCacheConfig(
                values.get(GsrmKeys.CACHE_DIR), values.get(GsrmKeys.JUDGE_CACHE_MIB)));
    if (values.has(GsrmKeys.JUDGE_PRECISION) && !judge.equals(EMBEDDING)) {
      values.complain(
          GsrmKeys.JUDGE_PRECISION, "not used unless " + GsrmKeys.JUDGE.name() + ": " + EMBEDDING);
    }
    if (config.gapDecay > 0 && config.alignment == Alignment.PREFIX) {
      values.complain(
          GsrmKeys.GAP_DECAY,
          "found "
              + config.gapDecay
              + ", which alignment: prefix does not use; set alignment: monotone or tree");
    }
    if (config.gapDecay > 0 && !config.gate) {
      values.complain(
          GsrmKeys.GATE,
          "found false with rlkd.gsrm.gap_decay "
              + config.gapDecay
              + ", which pairs steps by their meta-reasoning; set gap_decay: 0 or gate: true");
    }
    if (config.compatibility == GsrmCompatibility.REFERENCE
        && (config.alignment != Alignment.PREFIX
            || config.normalize != Normalize.NONE
            || !config.gate)) {
      values.complain(
          GsrmKeys.COMPATIBILITY,
          "the reference knows alignment: prefix, normalize: none and gate: true alone; leave them"
              + " out");
    }
    return config;
  }

  private static Optional<EndpointSettings> endpoint(
      Values values, EndpointKeys keys, boolean used, Key<?> user, boolean tokenProbabilities) {
    Optional<String> baseUrl = values.get(keys.baseUrl);
    Optional<String> model = values.get(keys.model);
    if (!used) {
      for (Key<?> key : keys.all()) {
        if (values.has(key)) {
          values.complain(key, "not used unless " + user.name() + ": endpoint");
          break;
        }
      }
      return Optional.empty();
    }
    if (model.isEmpty()) {
      values.complain(keys.model, "needed for " + user.name() + ": endpoint");
    }
    Optional<URI> uri = baseUrl.flatMap(GsrmConfig::uri);
    if (uri.isEmpty()) {
      values.complain(
          keys.baseUrl,
          baseUrl.isEmpty()
              ? "needed for " + user.name() + ": endpoint, for example http://127.0.0.1:8000/v1"
              : "expected http:// or https:// with a host, without user, query or fragment, for"
                  + " example http://127.0.0.1:8000/v1");
    }
    if (model.isEmpty() || uri.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new EndpointSettings(
            uri.get(),
            model.get(),
            values.get(keys.apiKeyEnv),
            values.get(keys.concurrency),
            Duration.ofMillis(Math.max(1, Math.round(1000 * values.get(keys.timeout)))),
            values.get(keys.retries),
            values.get(keys.requestBudget).orElse(Long.MAX_VALUE),
            tokenProbabilities));
  }

  /** A base URL; one with a user part is none, since URLs are logged and passwords must not be. */
  private static Optional<URI> uri(String text) {
    try {
      URI uri = URI.create(text);
      boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
      boolean plain =
          uri.getRawUserInfo() == null
              && uri.getRawQuery() == null
              && uri.getRawFragment() == null
              && uri.getHost() != null;
      return http && plain ? Optional.of(uri) : Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
