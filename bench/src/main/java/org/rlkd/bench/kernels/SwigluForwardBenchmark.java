package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_swiglu_forward;

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

/** The gated unit of the MLP. */
@State(Scope.Benchmark)
public class SwigluForwardBenchmark implements Workload {
  /** rows x width. */
  @Param({"4096x1536", "64x704"})
  public String shape;

  private Inputs inputs;
  private rlkd_tensor gate;
  private rlkd_tensor up;
  private rlkd_tensor output;

  @Override
  public Work work() {
    return Work.bytes(12.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(10);
    long[] size = Shape.of(shape);
    gate = inputs.view(inputs.normal(2, size));
    up = inputs.view(inputs.normal(1, size));
    Tensor gated = torch.zeros(size);
    output = inputs.view(gated);
    Verification.againstReference(this::call, 1e-6, 1e-5, gated);
  }

  private int call(rlkd_context context) {
    return rlkd_swiglu_forward(context, gate, up, output);
  }

  @Benchmark
  public void swiglu_forward(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
