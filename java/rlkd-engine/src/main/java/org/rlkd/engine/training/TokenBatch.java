package org.rlkd.engine.training;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.tensor.Device;

/**
 * Sequences side by side, padded on the right, and the places in them whose next token counts.
 * Causality hides padding that only follows tokens from all of them, so there is no mask.
 *
 * <p>Its tensors are on the model's device and belong to the PointerScope in which it is made.
 *
 * @param inputIds [batch, length] int64
 * @param places [rows] int64: positions in the flattened [batch * length] whose hidden state
 *     predicts a target, in the order of the sequences
 * @param targets [rows] int64: the tokens that they predict
 */
public record TokenBatch(Tensor inputIds, Tensor places, Tensor targets) {

  /**
   * Pads the sequences to the longest of them. At least one token must be a target.
   *
   * @param model that they are for
   * @throws IllegalArgumentException if an id is outside the model's vocabulary
   */
  public static TokenBatch of(List<TrainingSequence> sequences, CausalLm model) {
    int length = 0;
    int rows = 0;
    for (TrainingSequence sequence : sequences) {
      length = Math.max(length, sequence.length());
      rows += sequence.targets();
    }
    int batch = sequences.size();
    long[] ids = new long[batch * length];
    long[] places = new long[rows];
    long[] targets = new long[rows];
    int row = 0;
    for (int b = 0; b < batch; b++) {
      TrainingSequence sequence = sequences.get(b);
      for (int t = 0; t < sequence.length(); t++) {
        ids[b * length + t] = requireInVocabulary(sequence.tokens()[t], model);
        if (t > 0 && sequence.target()[t]) {
          places[row] = b * length + t - 1;
          targets[row] = sequence.tokens()[t];
          row++;
        }
      }
    }
    Device device = model.device();
    return new TokenBatch(
        device.longs(ids, batch, length), device.longs(places, rows), device.longs(targets, rows));
  }

  private static int requireInVocabulary(int token, CausalLm model) {
    int vocabulary = model.config().vocabSize();
    if (token < 0 || token >= vocabulary) {
      throw new IllegalArgumentException(
          "token id %d is outside the vocabulary of %d; does the tokenizer belong to this model?"
              .formatted(token, vocabulary));
    }
    return token;
  }

  /** Hidden states [rows, hidden] of the places, with autograd if it is on. */
  public Tensor hiddenRows(CausalLm model) {
    Tensor hidden = model.hidden(inputIds, null);
    return hidden.flatten(0, 1).index_select(0, places);
  }
}
