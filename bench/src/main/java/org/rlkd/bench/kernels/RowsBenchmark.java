package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_rows_gather;

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

/** Rows of a matrix by number: the embeddings of tokens. */
@State(Scope.Benchmark)
public class RowsBenchmark implements Workload {
  /** rows taken x width x rows of the matrix. */
  @Param({"1024x576x49152", "64x256x8192"})
  public String shape;

  private Inputs inputs;
  private rlkd_tensor input;
  private rlkd_tensor indices;
  private rlkd_tensor output;

  @Override
  public Work work() {
    return Work.bytes(8.0 * Shape.of(shape)[0] * Shape.of(shape)[1]);
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(12);
    long[] size = Shape.of(shape);
    input = inputs.view(inputs.normal(1, size[2], size[1]));
    indices = inputs.view(inputs.integers(size[2], size[0]));
    Tensor taken = torch.zeros(size[0], size[1]);
    output = inputs.view(taken);
    Verification.againstReference(this::call, 0, 0, taken);
  }

  private int call(rlkd_context context) {
    return rlkd_rows_gather(context, input, indices, output);
  }

  @Benchmark
  public void rows_gather(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
