package org.rlkd.bench.kernels;

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

/** Log-prob, entropy and logsumexp of tokens, by their logits. */
@State(Scope.Benchmark)
public class LogprobForwardBenchmark implements Workload {
  /** rows x vocabulary. */
  @Param({"128x49152", "64x151936", "1024x8192"})
  public String shape;

  private Inputs inputs;
  private rlkd_tensor logits;
  private rlkd_tensor tokens;
  private rlkd_tensor logprob;
  private rlkd_tensor entropy;
  private rlkd_tensor logsumexp;

  @Override
  public Work work() {
    return Work.bytes(4.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(1);
    long[] size = Shape.of(shape);
    logits = inputs.view(inputs.normal(3, size));
    tokens = inputs.view(inputs.integers(size[1], size[0]));
    Tensor[] outputs = {torch.zeros(size[0]), torch.zeros(size[0]), torch.zeros(size[0])};
    logprob = inputs.view(outputs[0]);
    entropy = inputs.view(outputs[1]);
    logsumexp = inputs.view(outputs[2]);
    Verification.againstReference(this::call, 1e-5, 1e-6, outputs);
  }

  private int call(rlkd_context context) {
    return rlkd_logprob_forward(
        context, logits, tokens, 0.9f, logprob, entropy, logsumexp, null, 0);
  }

  @Benchmark
  public void logprob_forward(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
