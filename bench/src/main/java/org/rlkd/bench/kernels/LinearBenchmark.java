package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_linear;

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

/** A projection of the few rows of a decoding step. */
@State(Scope.Benchmark)
public class LinearBenchmark implements Workload {
  /** rows x in x out. */
  @Param({"16x576x1536", "64x256x704", "16x576x49152"})
  public String shape;

  private Inputs inputs;
  private rlkd_tensor input;
  private rlkd_tensor weight;
  private rlkd_tensor output;

  @Override
  public Work work() {
    long[] size = Shape.of(shape);
    return new Work(
        4.0 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2]),
        2.0 * Shape.elements(shape),
        0);
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(6);
    long[] size = Shape.of(shape);
    input = inputs.view(inputs.normal(1, size[0], size[1]));
    weight = inputs.view(inputs.normal(1, size[2], size[1]));
    Tensor product = torch.zeros(size[0], size[2]);
    output = inputs.view(product);
    Verification.againstReference(this::call, 1e-3, 1e-5, product);
  }

  private int call(rlkd_context context) {
    return rlkd_linear(context, input, weight, null, output, 1, 0);
  }

  @Benchmark
  public void linear(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
