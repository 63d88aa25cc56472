package org.rlkd.engine.generation;

import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_sampling_inputs;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.HostDevice;
import org.rlkd.engine.tensor.HostRows;
import org.rlkd.engine.tensor.TensorView;

/**
 * Draws the next token of each sequence with the native sampling kernel.
 *
 * <p>Its buffers are made once and belong to the PointerScope that is open then; on the CPU a call
 * makes no objects. On other devices its temporaries are the caller's scope's.
 */
final class TokenSampler {
  private final Device device;
  private final int[] eosTokenIds;
  private final HostRows keys;
  private final HostRows positions;
  private final HostRows tokens;
  private final HostRows logprobs;
  private final HostRows temperature;
  private final HostRows topK;
  private final HostRows topP;
  private final HostRows minP;
  private final PenalisedHistory history;
  private final LongBuffer keyValues;
  private final LongBuffer positionValues;
  private final LongBuffer tokenValues;
  private final FloatBuffer logprobValues;
  private final rlkd_sampling_inputs inputs = new rlkd_sampling_inputs();
  private final Tensor workspace;
  private final Pointer workspaceMemory;
  private final long workspaceBytes;

  /**
   * @param device where the logits are
   * @param maxRows most rows of a call
   * @param maxTokens most tokens of a sequence, its prompt's included
   * @param vocab V
   */
  TokenSampler(SamplingParameters sampling, Device device, int maxRows, int maxTokens, int vocab) {
    this.device = device;
    this.eosTokenIds =
        sampling.ignoreEos()
            ? new int[0]
            : sampling.eosTokenIds().stream().mapToInt(Integer::intValue).sorted().toArray();
    this.keys = HostRows.longs(maxRows);
    this.positions = HostRows.longs(maxRows);
    this.tokens = HostRows.longs(maxRows);
    this.logprobs = HostRows.floats(maxRows);
    this.temperature = constant(HostRows.floats(maxRows), sampling.temperature());
    this.topK = constant(HostRows.longs(maxRows), sampling.topK());
    this.topP = constant(HostRows.floats(maxRows), sampling.topP());
    this.minP = constant(HostRows.floats(maxRows), sampling.minP());
    this.history =
        sampling.repetitionPenalty() == 1
            ? null
            : new PenalisedHistory(sampling.repetitionPenalty(), maxRows, maxTokens);
    this.keyValues = keys.longs();
    this.positionValues = positions.longs();
    this.tokenValues = tokens.longs();
    this.logprobValues = logprobs.floats();
    SizeTPointer bytes = new SizeTPointer(1);
    NativeLibrary.check(rlkd.rlkd_sampling_workspace_size(device.context(), maxRows, vocab, bytes));
    this.workspace = device.empty(ScalarType.Byte, bytes.get());
    this.workspaceMemory = workspace.data_ptr();
    this.workspaceBytes = bytes.get();
  }

  /**
   * Samples one token for each of some sequences and appends it. The Philox key is the sequence's,
   * the counter the index of the new token, so rows do not influence each other.
   *
   * @param logits [to - from, V]
   * @param from first of the sequences
   * @param to sequence after the last
   */
  void sample(rlkd_tensor logits, List<Sequence> rows, int from, int to) {
    int count = to - from;
    for (int r = 0; r < count; r++) {
      Sequence row = rows.get(from + r);
      keyValues.put(r, row.key());
      positionValues.put(r, row.size());
    }
    if (history != null) {
      history.take(rows, from, to);
    }
    if (device instanceof HostDevice) {
      draw(logits, count, tokens.first(count), logprobs.first(count));
    } else {
      Tensor drawn = device.empty(ScalarType.Long, count);
      Tensor drawnLogprobs = device.empty(ScalarType.Float, count);
      draw(logits, count, TensorView.of(drawn), TensorView.of(drawnLogprobs));
      tokenValues.put(0, HostArrays.toLongs(drawn));
      logprobValues.put(0, HostArrays.toFloats(drawnLogprobs));
    }
    for (int r = 0; r < count; r++) {
      int token = (int) tokenValues.get(r);
      boolean isEos = Arrays.binarySearch(eosTokenIds, token) >= 0;
      rows.get(from + r).accept(token, logprobValues.get(r), isEos);
    }
  }

  private void draw(rlkd_tensor logits, int count, rlkd_tensor drawn, rlkd_tensor drawnLogprobs) {
    inputs
        .logits(logits)
        .seed(placed(keys, count))
        ._position(placed(positions, count))
        .temperature(placed(temperature, count))
        .top_k(placed(topK, count))
        .top_p(placed(topP, count))
        .min_p(placed(minP, count));
    if (history != null) {
      inputs
          .repetition_penalty(placed(history.penalty(), count))
          .history(placed(history.tokens(), history.size()))
          .history_offsets(placed(history.offsets(), count + 1));
    }
    NativeLibrary.check(
        rlkd.rlkd_sampling(
            device.context(), inputs, drawn, drawnLogprobs, workspaceMemory, workspaceBytes));
  }

  /** The first rows where the logits are. */
  private rlkd_tensor placed(HostRows rows, long count) {
    return device instanceof HostDevice
        ? rows.first(count)
        : TensorView.of(device.place(rows.tensor().narrow(0, 0, count)));
  }

  private static HostRows constant(HostRows rows, double value) {
    rows.tensor().fill_(new Scalar(value));
    return rows;
  }
}
