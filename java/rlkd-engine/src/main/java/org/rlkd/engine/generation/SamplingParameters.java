package org.rlkd.engine.generation;

import java.util.List;
import java.util.Set;
import org.rlkd.core.UsageException;

/**
 * How tokens are chosen and when a completion ends. The order is that of transformers: repetition
 * penalty, temperature, top_k, top_p, min_p.
 *
 * @param temperature divides the logits; 0 = greedy (lowest id among equal logits)
 * @param topK keep the k most probable tokens; 0 = off
 * @param topP keep the smallest set of most probable tokens whose probability reaches this; in (0,
 *     1], 1 = off
 * @param minP keep tokens at least this times as probable as the most probable one; in [0, 1], 0 =
 *     off
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens that occur in
 *     the prompt or the completion so far; 1 = off
 * @param maxNewTokens most tokens of a completion (TRL: {@code max_completion_length})
 * @param eosTokenIds ids that end a completion; empty = only length and stop strings end it
 * @param stopStrings texts that end a completion once its decoded text contains one
 * @param ignoreEos sample on after an end-of-sequence id as after any other token (for tests and
 *     benchmarks)
 * @param seed first part of the key of the random numbers, see {@link Generator}
 */
public record SamplingParameters(
    double temperature,
    int topK,
    double topP,
    double minP,
    double repetitionPenalty,
    int maxNewTokens,
    Set<Integer> eosTokenIds,
    List<String> stopStrings,
    boolean ignoreEos,
    long seed) {

  public SamplingParameters {
    check(temperature >= 0 && temperature <= 1e4, "temperature", temperature, "in [0, 10000]");
    check(topK >= 0, "top_k", topK, "0 (off) or positive");
    check(topP > 0 && topP <= 1, "top_p", topP, "in (0, 1]");
    check(minP >= 0 && minP <= 1, "min_p", minP, "in [0, 1]");
    check(
        repetitionPenalty > 0 && repetitionPenalty <= 1e4,
        "repetition_penalty",
        repetitionPenalty,
        "in (0, 10000]");
    check(maxNewTokens >= 1, "max_new_tokens", maxNewTokens, "at least 1");
    eosTokenIds = Set.copyOf(eosTokenIds);
    stopStrings = List.copyOf(stopStrings);
    if (stopStrings.contains("")) {
      throw new UsageException("stop strings: found an empty one, expected text; remove it");
    }
  }

  /** Plain sampling at temperature 1 with nothing cut off, seed 0, no end-of-sequence ids. */
  public static SamplingParameters sample(int maxNewTokens) {
    return new SamplingParameters(1, 0, 1, 0, 1, maxNewTokens, Set.of(), List.of(), false, 0);
  }

  /** The most probable token each time. */
  public static SamplingParameters greedy(int maxNewTokens) {
    return sample(maxNewTokens).withTemperature(0);
  }

  public SamplingParameters withTemperature(double value) {
    return new SamplingParameters(
        value,
        topK,
        topP,
        minP,
        repetitionPenalty,
        maxNewTokens,
        eosTokenIds,
        stopStrings,
        ignoreEos,
        seed);
  }

  public SamplingParameters withTopK(int value) {
    return new SamplingParameters(
        temperature,
        value,
        topP,
        minP,
        repetitionPenalty,
        maxNewTokens,
        eosTokenIds,
        stopStrings,
        ignoreEos,
        seed);
  }

  public SamplingParameters withTopP(double value) {
    return new SamplingParameters(
        temperature,
        topK,
        value,
        minP,
        repetitionPenalty,
        maxNewTokens,
        eosTokenIds,
        stopStrings,
        ignoreEos,
        seed);
  }

  public SamplingParameters withMinP(double value) {
    return new SamplingParameters(
        temperature,
        topK,
        topP,
        value,
        repetitionPenalty,
        maxNewTokens,
        eosTokenIds,
        stopStrings,
        ignoreEos,
        seed);
  }

  public SamplingParameters withRepetitionPenalty(double value) {
    return new SamplingParameters(
        temperature,
        topK,
        topP,
        minP,
        value,
        maxNewTokens,
        eosTokenIds,
        stopStrings,
        ignoreEos,
        seed);
  }

  public SamplingParameters withMaxNewTokens(int value) {
    return new SamplingParameters(
        temperature,
        topK,
        topP,
        minP,
        repetitionPenalty,
        value,
        eosTokenIds,
        stopStrings,
        ignoreEos,
        seed);
  }

  public SamplingParameters withEosTokenIds(Set<Integer> value) {
    return new SamplingParameters(
        temperature,
        topK,
        topP,
        minP,
        repetitionPenalty,
        maxNewTokens,
        value,
        stopStrings,
        ignoreEos,
        seed);
  }

  public SamplingParameters withStopStrings(List<String> value) {
    return new SamplingParameters(
        temperature,
        topK,
        topP,
        minP,
        repetitionPenalty,
        maxNewTokens,
        eosTokenIds,
        value,
        ignoreEos,
        seed);
  }

  public SamplingParameters withIgnoreEos(boolean value) {
    return new SamplingParameters(
        temperature,
        topK,
        topP,
        minP,
        repetitionPenalty,
        maxNewTokens,
        eosTokenIds,
        stopStrings,
        value,
        seed);
  }

  public SamplingParameters withSeed(long value) {
    return new SamplingParameters(
        temperature,
        topK,
        topP,
        minP,
        repetitionPenalty,
        maxNewTokens,
        eosTokenIds,
        stopStrings,
        ignoreEos,
        value);
  }

  private static void check(boolean valid, String name, Number found, String expected) {
    if (!valid) {
      throw new UsageException(name + ": found " + found + ", expected " + expected);
    }
  }
}
