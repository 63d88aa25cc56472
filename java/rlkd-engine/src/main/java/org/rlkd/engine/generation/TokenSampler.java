package org.rlkd.engine.generation;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_sampling_inputs;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/** Draws the next token of each sequence with the native sampling kernel. */
final class TokenSampler {
  private final SamplingParameters sampling;
  private final Device device;

  /**
   * @param device where the logits are
   */
  TokenSampler(SamplingParameters sampling, Device device) {
    this.sampling = sampling;
    this.device = device;
  }

  /**
   * Samples one token for each sequence and appends it. The Philox key is the sequence's, the
   * counter the index of the new token, so rows do not influence each other.
   *
   * @param logits [rows, V] float32
   */
  void sample(Tensor logits, List<Sequence> rows) {
    int count = rows.size();
    long[] keys = new long[count];
    long[] positions = new long[count];
    for (int r = 0; r < count; r++) {
      keys[r] = rows.get(r).key();
      positions[r] = rows.get(r).size();
    }
    long[] topK = new long[count];
    Arrays.fill(topK, sampling.topK());
    rlkd_sampling_inputs inputs =
        new rlkd_sampling_inputs()
            .logits(TensorView.of(logits))
            .seed(TensorView.of(device.longs(keys, count)))
            ._position(TensorView.of(device.longs(positions, count)))
            .temperature(TensorView.of(constant(count, sampling.temperature())))
            .top_k(TensorView.of(device.longs(topK, count)))
            .top_p(TensorView.of(constant(count, sampling.topP())))
            .min_p(TensorView.of(constant(count, sampling.minP())));
    if (sampling.repetitionPenalty() != 1) {
      addHistory(inputs, rows);
    } else {
      inputs.repetition_penalty(null).history(null).history_offsets(null);
    }
    Tensor tokens = device.empty(ScalarType.Long, count);
    Tensor logprobs = device.empty(ScalarType.Float, count);
    rlkd_context context = device.context();
    SizeTPointer bytes = new SizeTPointer(1);
    NativeLibrary.check(rlkd.rlkd_sampling_workspace_size(context, count, logits.size(1), bytes));
    Tensor workspace = device.empty(ScalarType.Byte, bytes.get());
    NativeLibrary.check(
        rlkd.rlkd_sampling(
            context,
            inputs,
            TensorView.of(tokens),
            TensorView.of(logprobs),
            workspace.data_ptr(),
            bytes.get()));
    long[] sampled = HostArrays.toLongs(tokens);
    float[] logprob = HostArrays.toFloats(logprobs);
    for (int r = 0; r < count; r++) {
      rows.get(r).accept((int) sampled[r], logprob[r], sampling);
    }
  }

  private void addHistory(rlkd_sampling_inputs inputs, List<Sequence> rows) {
    long[] offsets = new long[rows.size() + 1];
    for (int r = 0; r < rows.size(); r++) {
      offsets[r + 1] = offsets[r] + rows.get(r).length();
    }
    long[] history = new long[Math.toIntExact(offsets[rows.size()])];
    int at = 0;
    for (Sequence row : rows) {
      for (int token : row.group().promptTokens()) {
        history[at++] = token;
      }
      for (int i = 0; i < row.size(); i++) {
        history[at++] = row.token(i);
      }
    }
    inputs
        .repetition_penalty(TensorView.of(constant(rows.size(), sampling.repetitionPenalty())))
        .history(TensorView.of(device.longs(history, history.length)))
        .history_offsets(TensorView.of(device.longs(offsets, offsets.length)));
  }

  private Tensor constant(long rows, double value) {
    return torch.full(new long[] {rows}, new Scalar(value), device.options(ScalarType.Float));
  }
}
