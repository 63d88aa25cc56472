package org.rlkd.engine.selftest;

import static org.bytedeco.pytorch.global.torch.empty;
import static org.rlkd.bindings.global.rlkd.rlkd_logprob_forward;
import static org.rlkd.engine.selftest.CheckInputs.on;
import static org.rlkd.engine.selftest.CheckInputs.view;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.engine.tensor.HostArrays;

/** Log-probability, entropy and logsumexp of tokens. */
final class LogprobForwardCheck implements KernelCheck {
  static final Tolerance TOLERANCE =
      new Tolerance(2e-6, 3e-7, "float32 sums over the vocabulary, rounded at values near 10");

  private static final int ROWS = 16;
  private static final int VOCAB = 3001; // no multiple of a vector: the tail counts too
  private static final float TEMPERATURE = 0.7f;

  @Override
  public String name() {
    return "logprob forward";
  }

  @Override
  public Tolerance tolerance() {
    return TOLERANCE;
  }

  @Override
  public Map<String, double[]> run(int backend) {
    try (PointerScope scope = new PointerScope()) {
      CheckInputs inputs = new CheckInputs(1);
      Tensor logits = inputs.normal(0, 2, ROWS, VOCAB);
      Tensor tokens = inputs.integers(VOCAB, ROWS);
      Tensor logprob = empty(ROWS);
      Tensor entropy = empty(ROWS);
      Tensor logsumexp = empty(ROWS);
      NativeLibrary.check(
          rlkd_logprob_forward(
              on(backend),
              view(logits),
              view(tokens),
              TEMPERATURE,
              view(logprob),
              view(entropy),
              view(logsumexp),
              null,
              0));
      Map<String, double[]> outputs = new LinkedHashMap<>();
      outputs.put("logprob", HostArrays.toDoubles(logprob));
      outputs.put("entropy", HostArrays.toDoubles(entropy));
      outputs.put("logsumexp", HostArrays.toDoubles(logsumexp));
      return outputs;
    }
  }
}
