package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_rope_forward;

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

/** Rotary position embedding of the heads of each row. */
@State(Scope.Benchmark)
public class RopeBenchmark implements Workload {
  /** rows x heads x width of a head. */
  @Param({"4096x9x64", "64x4x64"})
  public String shape;

  private Inputs inputs;
  private rlkd_tensor input;
  private rlkd_tensor positions;
  private rlkd_tensor cosine;
  private rlkd_tensor sine;
  private rlkd_tensor output;

  @Override
  public Work work() {
    return Work.bytes(8.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(9);
    long[] size = Shape.of(shape);
    long rows = size[0];
    Tensor angles = inputs.uniform(rows, size[2] / 2);
    input = inputs.view(inputs.normal(1, rows, size[1] * size[2]));
    positions = inputs.view(Inputs.multiples(1, rows));
    cosine = inputs.view(angles.cos());
    sine = inputs.view(angles.sin());
    Tensor turned = torch.zeros(rows, size[1] * size[2]);
    output = inputs.view(turned);
    Verification.againstReference(this::call, 1e-6, 1e-5, turned);
  }

  private int call(rlkd_context context) {
    return rlkd_rope_forward(context, input, positions, cosine, sine, output);
  }

  @Benchmark
  public void rope(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
