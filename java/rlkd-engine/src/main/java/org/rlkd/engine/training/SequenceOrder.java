package org.rlkd.engine.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The order in which an epoch goes through its sequences: a shuffle that depends on (seed, epoch)
 * alone, in which the sequences of one batch are of similar length.
 *
 * <p>As transformers' {@code LengthGroupedSampler}: the shuffled sequences are cut into pools of
 * {@value #BATCHES_PER_POOL} batches, a pool is sorted by length, and its batches are shuffled
 * again.
 */
final class SequenceOrder {
  private static final int BATCHES_PER_POOL = 50;

  private SequenceOrder() {}

  /**
   * The batches of one epoch; the last one may be smaller.
   *
   * @param lengths tokens of each sequence
   * @param byLength whether a batch gathers sequences of similar length
   */
  static List<int[]> batches(
      int[] lengths, int batchSize, boolean byLength, long seed, long epoch) {
    SplittableRandom random = random(seed, epoch);
    Integer[] order = new Integer[lengths.length];
    Arrays.setAll(order, i -> i);
    shuffle(order, random);
    List<int[]> batches = new ArrayList<>();
    int poolSize = byLength ? batchSize * BATCHES_PER_POOL : Math.max(1, order.length);
    for (int start = 0; start < order.length; start += poolSize) {
      Integer[] pool = Arrays.copyOfRange(order, start, Math.min(order.length, start + poolSize));
      if (byLength) {
        Arrays.sort(pool, Comparator.comparingInt(i -> lengths[i]));
      }
      Integer[][] poolBatches = new Integer[(pool.length + batchSize - 1) / batchSize][];
      for (int b = 0; b < poolBatches.length; b++) {
        poolBatches[b] =
            Arrays.copyOfRange(pool, b * batchSize, Math.min(pool.length, (b + 1) * batchSize));
      }
      if (byLength) {
        shuffle(poolBatches, random);
      }
      for (Integer[] batch : poolBatches) {
        batches.add(Arrays.stream(batch).mapToInt(Integer::intValue).toArray());
      }
    }
    return batches;
  }

  /** A permutation of 0..count-1. */
  static int[] permutation(int count, long seed, long epoch) {
    Integer[] order = new Integer[count];
    Arrays.setAll(order, i -> i);
    shuffle(order, random(seed, epoch));
    return Arrays.stream(order).mapToInt(Integer::intValue).toArray();
  }

  private static SplittableRandom random(long seed, long epoch) {
    return new SplittableRandom(new SplittableRandom(seed).nextLong() + epoch);
  }

  private static <T> void shuffle(T[] items, SplittableRandom random) {
    for (int i = items.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      T item = items[i];
      items[i] = items[j];
      items[j] = item;
    }
  }
}
