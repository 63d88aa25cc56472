package org.rlkd.engine.generation;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * A request under way: the blocks of its prompt, filled once, and its completions. The whole blocks
 * are shared by all completions. Of the last, partly filled block each completion gets a copy to
 * write on; only the last completion, admitted after the others, writes on the original.
 */
final class PromptGroup {
  private final GenerationRequest request;
  private final List<Sequence> sequences = new ArrayList<>();
  private final int limit;
  private int[] blocks;
  private int unfinished;

  /**
   * Makes the group; it holds no blocks yet.
   *
   * @param limit most new tokens of a completion, at least 1
   * @param stopStrings makes a matcher for each completion; its result may be null
   */
  PromptGroup(
      GenerationRequest request,
      int limit,
      long seed,
      long step,
      Supplier<StopStringMatcher> stopStrings) {
    this.request = request;
    this.limit = limit;
    for (int i = 0; i < request.completions(); i++) {
      long key = SequenceKey.of(seed, step, request.promptKey(), i);
      boolean last = i == request.completions() - 1;
      sequences.add(new Sequence(this, last, limit, key, stopStrings.get()));
    }
    this.unfinished = sequences.size();
  }

  int[] promptTokens() {
    return request.promptTokens();
  }

  int promptLength() {
    return request.promptTokens().length;
  }

  /** Tokens of the prompt and its longest completion. */
  int mostTokens() {
    return promptLength() + limit;
  }

  /** The completions by their index. */
  List<Sequence> sequences() {
    return sequences;
  }

  /** What the completions have come to, by their index. */
  List<Completion> completions() {
    return sequences.stream().map(Sequence::completion).toList();
  }

  int promptBlockCount() {
    return KvCache.blocksFor(promptLength());
  }

  /** Blocks without which no completion of the group can run: the prompt's and one tail. */
  int leastBlockCount() {
    return promptBlockCount() + sequences.get(0).tailBlockCount();
  }

  /** Blocks of the prompt and of all completions at their longest. */
  long mostBlockCount() {
    return promptBlockCount() + sequences.stream().mapToLong(Sequence::tailBlockCount).sum();
  }

  /** Block {@code index} of the prompt. */
  int block(int index) {
    return blocks[index];
  }

  /** The block in which the prompt ends. */
  int lastBlock() {
    return blocks[blocks.length - 1];
  }

  /** Slot in the cache of the prompt's token at {@code position}. */
  long slot(int position) {
    return (long) blocks[position / KvCache.BLOCK_SIZE] * KvCache.BLOCK_SIZE
        + position % KvCache.BLOCK_SIZE;
  }

  void takeBlocks(BlockPool pool) {
    blocks = pool.take(promptBlockCount());
  }

  /** Whether every completion has ended and been retired. */
  boolean isFinished() {
    return unfinished == 0;
  }

  /** Counts a completion that has ended; with the last one the prompt's blocks are given back. */
  void retireOne(BlockPool pool) {
    unfinished--;
    if (unfinished == 0) {
      pool.give(blocks);
      blocks = null;
    }
  }
}
