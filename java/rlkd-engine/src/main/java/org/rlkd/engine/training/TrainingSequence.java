package org.rlkd.engine.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rlkd.core.UsageException;

/**
 * One text to learn from.
 *
 * @param tokens [T] token ids, without padding
 * @param target [T] whether the token at this place is learned: predicted from those before it and
 *     counted in the loss. The first token is never predicted, whatever its entry
 */
public record TrainingSequence(int[] tokens, boolean[] target) {
  public TrainingSequence {
    if (tokens.length != target.length) {
      throw new UsageException(
          "a training sequence has " + tokens.length + " tokens but " + target.length + " marks");
    }
  }

  /** A prompt that is read and a completion that is learned. */
  public static TrainingSequence of(int[] prompt, int[] completion) {
    int[] tokens = new int[prompt.length + completion.length];
    System.arraycopy(prompt, 0, tokens, 0, prompt.length);
    System.arraycopy(completion, 0, tokens, prompt.length, completion.length);
    boolean[] target = new boolean[tokens.length];
    for (int t = Math.max(1, prompt.length); t < tokens.length; t++) {
      target[t] = true;
    }
    return new TrainingSequence(tokens, target);
  }

  /** The first tokens of this sequence; itself if it is no longer than that. */
  public TrainingSequence truncated(int maxLength) {
    return tokens.length <= maxLength
        ? this
        : new TrainingSequence(Arrays.copyOf(tokens, maxLength), Arrays.copyOf(target, maxLength));
  }

  /**
   * This sequence cut into pieces that follow each other, all of that length but the last. The
   * first token of a piece is not predicted, as its predecessors are in another.
   */
  public List<TrainingSequence> pieces(int length) {
    List<TrainingSequence> pieces = new ArrayList<>();
    for (int from = 0; from < tokens.length; from += length) {
      int to = Math.min(tokens.length, from + length);
      pieces.add(
          new TrainingSequence(
              Arrays.copyOfRange(tokens, from, to), Arrays.copyOfRange(target, from, to)));
    }
    return pieces;
  }

  /** Number of tokens. */
  public int length() {
    return tokens.length;
  }

  /** Number of tokens that are learned. */
  public int targets() {
    int count = 0;
    for (int t = 1; t < target.length; t++) {
      if (target[t]) {
        count++;
      }
    }
    return count;
  }
}
