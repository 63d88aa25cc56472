package org.rlkd.engine.generation;

/**
 * Derives the Philox key of one completion from (seed, step, prompt key, completion index), and
 * from nothing else, so that a sample does not depend on the batch it was drawn in.
 *
 * <p>The mixing function starts with k = 0 and, for each of the four values v in this order, sets k
 * = mix(k + v + 0x9E3779B97F4A7C15), where mix is the finaliser of splitmix64 (Steele, Lea and
 * Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; variant 13 of Stafford).
 * Each stage is a bijection of k for a fixed v and of v for a fixed k, so two tuples that differ in
 * one value alone never collide. The Philox counter is the index of the new token in the
 * completion, from 0.
 */
final class SequenceKey {
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private SequenceKey() {}

  static long of(long seed, long step, long promptKey, int completionIndex) {
    long key = absorb(0, seed);
    key = absorb(key, step);
    key = absorb(key, promptKey);
    return absorb(key, completionIndex);
  }

  static long absorb(long key, long value) {
    long z = key + value + GOLDEN_GAMMA;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
