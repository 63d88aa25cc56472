package org.rlkd.engine.training;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.PackedSequences;
import org.rlkd.engine.model.SequenceRun;
import org.rlkd.engine.model.TrainingPass;
import org.rlkd.engine.tensor.Device;

/**
 * Sequences packed into one row, and the places in it whose next token counts. Sequences that share
 * a prompt hold it once. What follows the last token that predicts a target is left out.
 *
 * <p>Its tensors are on the model's device and belong to the PointerScope in which it is made.
 *
 * @param sequences of N tokens
 * @param places [rows] int64: places in the N tokens whose hidden state predicts a target, in the
 *     order of the sequences that were given
 * @param targets [rows] int64: the tokens that they predict
 */
public record PackedBatch(PackedSequences sequences, Tensor places, Tensor targets) {

  /**
   * Packs sequences that have nothing in common. At least one token must be a target.
   *
   * @param model that they are for
   * @throws IllegalArgumentException if an id is outside the model's vocabulary
   */
  public static PackedBatch of(List<TrainingSequence> sequences, CausalLm model) {
    return pack(
        sequences.stream()
            .map(s -> new Piece(IntBuffer.allocate(0), s.tokens(), s.target(), lastTarget(s)))
            .toList(),
        model);
  }

  /**
   * Packs rollouts: the prompt of a group once, then its completions, every token of which is a
   * target. At least one completion must have a token.
   *
   * @param model that they are for
   * @throws IllegalArgumentException if an id is outside the model's vocabulary
   */
  static PackedBatch ofRollouts(List<Rollout> rollouts, CausalLm model) {
    return pack(
        rollouts.stream()
            .map(
                rollout -> {
                  boolean[] all = new boolean[rollout.completion().length];
                  Arrays.fill(all, true);
                  return new Piece(
                      IntBuffer.wrap(rollout.prompt()), rollout.completion(), all, all.length - 1);
                })
            .toList(),
        model);
  }

  private static int lastTarget(TrainingSequence sequence) {
    int last = sequence.length() - 1;
    while (last > 0 && !sequence.target()[last]) {
      last--;
    }
    return last;
  }

  /**
   * A sequence after its prompt.
   *
   * @param prompt tokens that are read before; may be empty
   * @param tokens its own
   * @param target of its tokens, whether they are learned; the first never is where the prompt is
   *     empty
   * @param used of its tokens that are read: those before its last target
   */
  private record Piece(IntBuffer prompt, int[] tokens, boolean[] target, int used) {}

  private static PackedBatch pack(List<Piece> pieces, CausalLm model) {
    Map<IntBuffer, List<Integer>> byPrompt = new LinkedHashMap<>();
    for (int i = 0; i < pieces.size(); i++) {
      byPrompt.computeIfAbsent(pieces.get(i).prompt(), prompt -> new ArrayList<>()).add(i);
    }
    Row row = new Row(model.config().vocabSize());
    int[] firsts = new int[pieces.size()];
    int[] promptEnds = new int[pieces.size()];
    byPrompt.forEach(
        (prompt, members) -> {
          int prefix = SequenceRun.NO_PREFIX;
          if (prompt.hasRemaining()) {
            prefix = row.addPrompt(prompt.array());
          }
          int promptEnd = row.length - 1;
          // Sequences of the same length become one run.
          members.sort(Comparator.comparingInt((Integer i) -> pieces.get(i).used()).reversed());
          for (int member : members) {
            Piece piece = pieces.get(member);
            promptEnds[member] = promptEnd;
            firsts[member] = row.length;
            if (piece.used() > 0) {
              row.addSequence(piece.tokens(), piece.used(), prefix);
            }
          }
        });
    return row.batch(pieces, firsts, promptEnds, model.device());
  }

  /** The row as it grows. */
  private static final class Row {
    private final int vocabulary;
    private final List<SequenceRun> runs = new ArrayList<>();
    private long[] ids = new long[1024];
    private int length;

    Row(int vocabulary) {
      this.vocabulary = vocabulary;
    }

    /** Adds a run that others can continue and returns its number. */
    int addPrompt(int[] tokens) {
      append(tokens, tokens.length);
      runs.add(new SequenceRun(1, tokens.length, SequenceRun.NO_PREFIX));
      return runs.size() - 1;
    }

    /** Adds a sequence: to the last run if it is of the same length after the same prefix. */
    void addSequence(int[] tokens, int used, int prefix) {
      append(tokens, used);
      int last = runs.size() - 1;
      if (last >= 0 && runs.get(last).length() == used && runs.get(last).prefix() == prefix) {
        runs.set(last, new SequenceRun(runs.get(last).count() + 1, used, prefix));
      } else {
        runs.add(new SequenceRun(1, used, prefix));
      }
    }

    private void append(int[] tokens, int used) {
      if (length + used > ids.length) {
        ids = Arrays.copyOf(ids, 2 * (length + used));
      }
      for (int t = 0; t < used; t++) {
        ids[length++] = requireInVocabulary(tokens[t]);
      }
    }

    private int requireInVocabulary(int token) {
      if (token < 0 || token >= vocabulary) {
        throw new IllegalArgumentException(
            "token id %d is outside the vocabulary of %d; does the tokenizer belong to this model?"
                .formatted(token, vocabulary));
      }
      return token;
    }

    PackedBatch batch(List<Piece> pieces, int[] firsts, int[] promptEnds, Device device) {
      long[] places = new long[pieces.stream().mapToInt(piece -> piece.tokens().length).sum()];
      long[] targets = new long[places.length];
      int rows = 0;
      for (int i = 0; i < firsts.length; i++) {
        Piece piece = pieces.get(i);
        boolean prompted = piece.prompt().hasRemaining();
        for (int t = prompted ? 0 : 1; t < piece.tokens().length; t++) {
          if (piece.target()[t]) {
            places[rows] = t == 0 ? promptEnds[i] : firsts[i] + t - 1;
            targets[rows++] = requireInVocabulary(piece.tokens()[t]);
          }
        }
      }
      return new PackedBatch(
          new PackedSequences(device.longs(Arrays.copyOf(ids, length), 1, length), runs),
          device.longs(Arrays.copyOf(places, rows), rows),
          device.longs(Arrays.copyOf(targets, rows), rows));
    }
  }

  /** Hidden states [rows, hidden] of the places, with autograd if it is on. */
  public Tensor hiddenRows(CausalLm model) {
    return model.hidden(sequences).flatten(0, 1).index_select(0, places);
  }

  /** The forward pass of a training step to the hidden states of the places. */
  TrainingPass trainingPass(CausalLm model, MemoryOptions memory) {
    return model.trainingPass(sequences, places, memory.gradientCheckpointing());
  }
}
