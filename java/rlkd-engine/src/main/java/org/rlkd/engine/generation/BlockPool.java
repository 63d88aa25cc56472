package org.rlkd.engine.generation;

/**
 * The free blocks of a {@link KvCache}. Blocks given back last are handed out first, so that a
 * cache larger than the work at hand is never touched in full.
 */
final class BlockPool {
  private final int[] free;
  private int available;

  /** A pool of blocks 0 .. blocks-1, all free. */
  BlockPool(int blocks) {
    free = new int[blocks];
    for (int i = 0; i < blocks; i++) {
      free[i] = blocks - 1 - i;
    }
    available = blocks;
  }

  int available() {
    return available;
  }

  /** Takes {@code count} blocks, which must be available. */
  int[] take(int count) {
    if (count > available) {
      throw new IllegalStateException(count + " blocks wanted, " + available + " are free");
    }
    int[] blocks = new int[count];
    for (int i = 0; i < count; i++) {
      blocks[i] = free[--available];
    }
    return blocks;
  }

  /** Gives back blocks that {@link #take} returned. */
  void give(int[] blocks) {
    for (int i = blocks.length - 1; i >= 0; i--) {
      free[available++] = blocks[i];
    }
  }
}
