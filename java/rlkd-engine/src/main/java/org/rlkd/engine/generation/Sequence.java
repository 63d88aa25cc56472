package org.rlkd.engine.generation;

import java.util.Arrays;

/** One completion under way: its tokens so far and where its keys and values lie. */
final class Sequence {
  private final PromptGroup group;
  private final boolean lastOfGroup;
  private final int limit;
  private final long key;
  private final StopStringMatcher stopStrings;
  private int[] tokens = {};
  private float[] logprobs = {};
  private int size;
  private int[] tailBlocks;
  private FinishReason finishReason;

  /**
   * Makes a sequence without tokens.
   *
   * @param limit most new tokens
   * @param key of the random numbers
   * @param stopStrings null if there are none
   */
  Sequence(
      PromptGroup group, boolean lastOfGroup, int limit, long key, StopStringMatcher stopStrings) {
    this.group = group;
    this.lastOfGroup = lastOfGroup;
    this.limit = limit;
    this.key = key;
    this.stopStrings = stopStrings;
  }

  PromptGroup group() {
    return group;
  }

  long key() {
    return key;
  }

  /** Number of new tokens so far. */
  int size() {
    return size;
  }

  int token(int index) {
    return tokens[index];
  }

  int lastToken() {
    return tokens[size - 1];
  }

  /** Tokens of prompt and completion. */
  int length() {
    return group.promptLength() + size;
  }

  /**
   * Appends a sampled token and ends the sequence at its limit or if the token or its text says so.
   *
   * @param isEos whether the token ends a completion
   */
  void accept(int token, float logprob, boolean isEos) {
    if (token < 0 || !Float.isFinite(logprob)) {
      finish(FinishReason.NON_FINITE_LOGITS);
      return;
    }
    if (size == 0) { // room for all, so that a decoding step allocates nothing
      tokens = new int[limit];
      logprobs = new float[limit];
    }
    tokens[size] = token;
    logprobs[size] = logprob;
    size++;
    if (isEos) {
      finish(FinishReason.EOS);
    } else if (stopStrings != null && stopStrings.push(token)) {
      finish(FinishReason.STOP_STRING);
    } else if (size == limit) {
      finish(FinishReason.LENGTH);
    }
  }

  void finish(FinishReason reason) {
    finishReason = reason;
    if (size < tokens.length) {
      tokens = Arrays.copyOf(tokens, size);
      logprobs = Arrays.copyOf(logprobs, size);
    }
  }

  /** Null while the sequence goes on. */
  FinishReason finishReason() {
    return finishReason;
  }

  boolean isFinished() {
    return finishReason != null;
  }

  /** What has come of a finished sequence. */
  Completion completion() {
    return new Completion(tokens, logprobs, finishReason);
  }

  /** Leading blocks that are the prompt's own. */
  private int promptBlocks() {
    return lastOfGroup ? group.promptBlockCount() : group.promptLength() / KvCache.BLOCK_SIZE;
  }

  /** Blocks that the sequence needs of its own at its longest; its last token is never cached. */
  int tailBlockCount() {
    return KvCache.blocksFor(group.promptLength() + limit - 1) - promptBlocks();
  }

  void takeBlocks(BlockPool pool) {
    tailBlocks = pool.take(tailBlockCount());
  }

  void giveBlocks(BlockPool pool) {
    if (tailBlocks != null) {
      pool.give(tailBlocks);
      tailBlocks = null;
    }
  }

  /** Whether a part of the prompt has to be copied to {@link #firstTailBlock()} first. */
  boolean copiesPartOfPrompt() {
    return promptBlocks() < group.promptBlockCount();
  }

  int firstTailBlock() {
    return tailBlocks[0];
  }

  /** The block that holds tokens index * BLOCK_SIZE and following. */
  int block(int index) {
    int shared = promptBlocks();
    return index < shared ? group.block(index) : tailBlocks[index - shared];
  }
}
