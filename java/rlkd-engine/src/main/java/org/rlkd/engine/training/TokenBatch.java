package org.rlkd.engine.training;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.tensor.HostArrays;

/**
 * Sequences side by side, padded on the right, and the places in them whose next token counts.
 *
 * <p>Its tensors belong to the PointerScope in which it is made.
 *
 * @param inputIds [batch, length] int64
 * @param attentionMask [batch, length] int64, 1 = a token, 0 = padding
 * @param places [rows] int64: positions in the flattened [batch * length] whose hidden state
 *     predicts a target, in the order of the sequences
 * @param targets [rows] int64: the tokens that they predict
 */
public record TokenBatch(Tensor inputIds, Tensor attentionMask, Tensor places, Tensor targets) {

  /** Pads the sequences to the longest of them. At least one token must be a target. */
  public static TokenBatch of(List<TrainingSequence> sequences) {
    int length = 0;
    int rows = 0;
    for (TrainingSequence sequence : sequences) {
      length = Math.max(length, sequence.length());
      rows += sequence.targets();
    }
    int batch = sequences.size();
    long[] ids = new long[batch * length];
    long[] mask = new long[batch * length];
    long[] places = new long[rows];
    long[] targets = new long[rows];
    int row = 0;
    for (int b = 0; b < batch; b++) {
      TrainingSequence sequence = sequences.get(b);
      for (int t = 0; t < sequence.length(); t++) {
        ids[b * length + t] = sequence.tokens()[t];
        mask[b * length + t] = 1;
        if (t > 0 && sequence.target()[t]) {
          places[row] = b * length + t - 1;
          targets[row] = sequence.tokens()[t];
          row++;
        }
      }
    }
    return new TokenBatch(
        HostArrays.longs(ids, batch, length),
        HostArrays.longs(mask, batch, length),
        HostArrays.longs(places, rows),
        HostArrays.longs(targets, rows));
  }

  /** Hidden states [rows, hidden] of the places, with autograd if it is on. */
  public Tensor hiddenRows(CausalLm model) {
    Tensor hidden = model.hidden(inputIds, attentionMask);
    return hidden.flatten(0, 1).index_select(0, places);
  }
}
