package org.rlkd.engine.generation;

import org.rlkd.core.UsageException;

/**
 * Limits of a {@link Generator}. They bound memory and set the batch size; the samples do not
 * depend on them.
 *
 * @param maxConcurrentSequences most sequences decoded in one batch; the others wait
 * @param kvCacheBytes most memory for keys and values, in bytes. A completion is admitted only when
 *     its longest possible cache fits, so the limit holds and no sequence is ever thrown out
 */
public record GeneratorOptions(int maxConcurrentSequences, long kvCacheBytes) {
  /** 128 sequences, 2 GiB of keys and values. */
  public static final GeneratorOptions DEFAULT = new GeneratorOptions(128, 2L << 30);

  public GeneratorOptions {
    if (maxConcurrentSequences < 1) {
      throw new UsageException(
          "found max concurrent sequences " + maxConcurrentSequences + ", expected at least 1");
    }
    if (kvCacheBytes < 1) {
      throw new UsageException(
          "found " + kvCacheBytes + " bytes for keys and values, expected a positive number");
    }
  }

  public GeneratorOptions withMaxConcurrentSequences(int value) {
    return new GeneratorOptions(value, kvCacheBytes);
  }

  public GeneratorOptions withKvCacheBytes(long value) {
    return new GeneratorOptions(maxConcurrentSequences, value);
  }
}
