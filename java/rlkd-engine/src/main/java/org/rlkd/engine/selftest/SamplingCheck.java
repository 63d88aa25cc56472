package org.rlkd.engine.selftest;

import static org.bytedeco.pytorch.global.torch.empty;
import static org.rlkd.bindings.global.rlkd.rlkd_sampling;
import static org.rlkd.bindings.global.rlkd.rlkd_sampling_workspace_size;
import static org.rlkd.engine.selftest.CheckInputs.on;
import static org.rlkd.engine.selftest.CheckInputs.view;
import static org.rlkd.engine.selftest.CheckInputs.workspace;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_sampling_inputs;
import org.rlkd.engine.tensor.HostArrays;

/**
 * Tokens drawn greedily, plainly, and under top_k, top_p, min_p and repetition penalty: they must
 * be equal. Token ids are whole numbers, so the tolerance of the log-probs lets none differ.
 */
final class SamplingCheck implements KernelCheck {
  private static final int ROWS = 30;
  private static final int VOCAB = 999;
  private static final int HISTORY = 20; // earlier tokens of a row

  @Override
  public String name() {
    return "sampling";
  }

  @Override
  public Tolerance tolerance() {
    return LogprobForwardCheck.TOLERANCE;
  }

  @Override
  public Map<String, double[]> run(int backend) {
    try (PointerScope scope = new PointerScope()) {
      CheckInputs random = new CheckInputs(6);
      float[] temperature = new float[ROWS];
      long[] topK = new long[ROWS];
      float[] topP = new float[ROWS];
      float[] minP = new float[ROWS];
      float[] penalty = new float[ROWS];
      for (int r = 0; r < ROWS; r++) {
        // Each sixth of the rows has one parameter set, the first sixth is greedy.
        temperature[r] = r % 6 == 0 ? 0 : 0.9f;
        topK[r] = r % 6 == 2 ? 20 : 0;
        topP[r] = r % 6 == 3 ? 0.8f : 1;
        minP[r] = r % 6 == 4 ? 0.05f : 0;
        penalty[r] = r % 6 == 5 ? 1.3f : 1;
      }
      rlkd_sampling_inputs inputs =
          new rlkd_sampling_inputs()
              .logits(view(random.normal(0, 3, ROWS, VOCAB)))
              .seed(view(random.integers(Integer.MAX_VALUE, ROWS)))
              ._position(view(random.integers(1000, ROWS)))
              .temperature(view(HostArrays.floats(temperature, ROWS)))
              .top_k(view(HostArrays.longs(topK, ROWS)))
              .top_p(view(HostArrays.floats(topP, ROWS)))
              .min_p(view(HostArrays.floats(minP, ROWS)))
              .repetition_penalty(view(HostArrays.floats(penalty, ROWS)))
              .history(view(random.integers(VOCAB, ROWS * HISTORY)))
              .history_offsets(
                  view(
                      HostArrays.longs(
                          LongStream.rangeClosed(0, ROWS).map(r -> r * HISTORY).toArray(),
                          ROWS + 1)));
      rlkd_context context = on(backend);
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(rlkd_sampling_workspace_size(context, ROWS, VOCAB, bytes));
      Tensor workspace = workspace(bytes.get());
      Tensor tokens = empty(new long[] {ROWS}, new TensorOptions(ScalarType.Long), null);
      Tensor logprob = empty(ROWS);
      NativeLibrary.check(
          rlkd_sampling(
              context, inputs, view(tokens), view(logprob), workspace.data_ptr(), bytes.get()));
      Map<String, double[]> outputs = new LinkedHashMap<>();
      outputs.put("tokens", HostArrays.toDoubles(tokens));
      outputs.put("logprob", HostArrays.toDoubles(logprob));
      return outputs;
    }
  }
}
