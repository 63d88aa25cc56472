package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_logprob_backward;
import static org.rlkd.bindings.global.rlkd.rlkd_logprob_forward;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.rlkd.bench.Inputs;
import org.rlkd.bench.MachineLimit;
import org.rlkd.bench.Shape;
import org.rlkd.bench.Verification;
import org.rlkd.bench.Work;
import org.rlkd.bench.Workload;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_tensor;

/** The gradient by the logits, in their place. */
@State(Scope.Benchmark)
public class LogprobBackwardBenchmark implements Workload {
  /** rows x vocabulary. */
  @Param({"128x49152", "64x151936", "1024x8192"})
  public String shape;

  private Inputs inputs;
  private rlkd_tensor logits;
  private rlkd_tensor tokens;
  private rlkd_tensor entropy;
  private rlkd_tensor logsumexp;
  private rlkd_tensor dlogprob;
  private rlkd_tensor dentropy;

  @Override
  public Work work() {
    return Work.bytes(8.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(2);
    long[] size = Shape.of(shape);
    Tensor gradient = inputs.normal(3, size);
    logits = inputs.view(gradient);
    tokens = inputs.view(inputs.integers(size[1], size[0]));
    entropy = inputs.view(torch.zeros(size[0]));
    logsumexp = inputs.view(torch.zeros(size[0]));
    rlkd_tensor logprob = inputs.view(torch.zeros(size[0]));
    NativeLibrary.check(
        rlkd_logprob_forward(
            Verification.CPU, logits, tokens, 0.9f, logprob, entropy, logsumexp, null, 0));
    dlogprob = inputs.view(inputs.normal(1, size[0]));
    dentropy = inputs.view(inputs.normal(0.1, size[0]));
    Verification.againstReference(this::call, 1e-5, 1e-5, gradient);
  }

  private int call(rlkd_context context) {
    return rlkd_logprob_backward(
        context, logits, tokens, 0.9f, logsumexp, entropy, dlogprob, dentropy);
  }

  @Benchmark
  public void logprob_backward(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
