package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_rmsnorm_forward;

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

/** Root mean square normalisation of rows. */
@State(Scope.Benchmark)
public class RmsnormForwardBenchmark implements Workload {
  /** rows x width. */
  @Param({"4096x576", "64x256"})
  public String shape;

  private Inputs inputs;
  private rlkd_tensor input;
  private rlkd_tensor weight;
  private rlkd_tensor output;

  @Override
  public Work work() {
    return Work.bytes(8.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(7);
    long[] size = Shape.of(shape);
    input = inputs.view(inputs.normal(1, size));
    weight = inputs.view(inputs.normal(1, size[1]));
    Tensor normed = torch.zeros(size);
    output = inputs.view(normed);
    Verification.againstReference(this::call, 1e-6, 1e-5, normed);
  }

  private int call(rlkd_context context) {
    return rlkd_rmsnorm_forward(context, input, null, weight, 1e-6f, null, output, null);
  }

  @Benchmark
  public void rmsnorm_forward(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
