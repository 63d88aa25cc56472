package org.rlkd.engine.selftest;

import static org.bytedeco.pytorch.global.torch.empty;
import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_REFERENCE;
import static org.rlkd.bindings.global.rlkd.rlkd_logprob_backward;
import static org.rlkd.bindings.global.rlkd.rlkd_logprob_forward;
import static org.rlkd.engine.selftest.CheckInputs.on;
import static org.rlkd.engine.selftest.CheckInputs.view;

import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.engine.tensor.HostArrays;

/** The gradient by the logits, with and without an entropy term. */
final class LogprobBackwardCheck implements KernelCheck {
  private static final int ROWS = 16;
  private static final int VOCAB = 1501;
  private static final float TEMPERATURE = 0.8f;

  @Override
  public String name() {
    return "logprob backward";
  }

  @Override
  public Tolerance tolerance() {
    return new Tolerance(2e-6, 3e-6, "probabilities from a float32 logsumexp, times log-probs");
  }

  @Override
  public Map<String, double[]> run(int backend) {
    return Map.of(
        "dlogits", gradient(backend, false), "dlogits with entropy", gradient(backend, true));
  }

  private static double[] gradient(int backend, boolean withEntropy) {
    try (PointerScope scope = new PointerScope()) {
      CheckInputs inputs = new CheckInputs(2);
      Tensor logits = inputs.normal(0, 2, ROWS, VOCAB);
      Tensor tokens = inputs.integers(VOCAB, ROWS);
      Tensor dlogprob = inputs.normal(0, 1, ROWS);
      Tensor dentropy = inputs.normal(0, 0.1, ROWS);
      Tensor logprob = empty(ROWS);
      Tensor entropy = empty(ROWS);
      Tensor logsumexp = empty(ROWS);
      // Both backends get the same forward pass: the difference is the backward's own.
      NativeLibrary.check(
          rlkd_logprob_forward(
              on(RLKD_BACKEND_REFERENCE),
              view(logits),
              view(tokens),
              TEMPERATURE,
              view(logprob),
              view(entropy),
              view(logsumexp),
              null,
              0));
      NativeLibrary.check(
          rlkd_logprob_backward(
              on(backend),
              view(logits),
              view(tokens),
              TEMPERATURE,
              view(logsumexp),
              withEntropy ? view(entropy) : null,
              view(dlogprob),
              withEntropy ? view(dentropy) : null));
      return HostArrays.toDoubles(logits);
    }
  }
}
