package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_swiglu_backward;

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

/** The gradients of the gated unit by its inputs. */
@State(Scope.Benchmark)
public class SwigluBackwardBenchmark implements Workload {
  /** rows x width. */
  @Param({"4096x1536", "64x704"})
  public String shape;

  private Inputs inputs;
  private rlkd_tensor gate;
  private rlkd_tensor up;
  private rlkd_tensor doutput;
  private rlkd_tensor dgate;
  private rlkd_tensor dup;

  @Override
  public Work work() {
    return Work.bytes(20.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(11);
    long[] size = Shape.of(shape);
    gate = inputs.view(inputs.normal(2, size));
    up = inputs.view(inputs.normal(1, size));
    doutput = inputs.view(inputs.normal(1, size));
    Tensor byGate = torch.zeros(size);
    Tensor byUp = torch.zeros(size);
    dgate = inputs.view(byGate);
    dup = inputs.view(byUp);
    Verification.againstReference(this::call, 1e-6, 1e-5, byGate, byUp);
  }

  private int call(rlkd_context context) {
    return rlkd_swiglu_backward(context, gate, up, doutput, dgate, dup);
  }

  @Benchmark
  public void swiglu_backward(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
