package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_rmsnorm_backward;
import static org.rlkd.bindings.global.rlkd.rlkd_rmsnorm_backward_workspace_size;
import static org.rlkd.bindings.global.rlkd.rlkd_rmsnorm_forward;

import org.bytedeco.javacpp.SizeTPointer;
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

/** The gradients of a normalisation by its input and its weight. */
@State(Scope.Benchmark)
public class RmsnormBackwardBenchmark implements Workload {
  /** rows x width. */
  @Param({"4096x576", "64x256"})
  public String shape;

  private Inputs inputs;
  private rlkd_tensor input;
  private rlkd_tensor weight;
  private rlkd_tensor inverseRms;
  private rlkd_tensor doutput;
  private rlkd_tensor dinput;
  private rlkd_tensor dweight;
  private Tensor workspace;
  private long workspaceBytes;

  @Override
  public Work work() {
    return Work.bytes(12.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(8);
    long[] size = Shape.of(shape);
    input = inputs.view(inputs.normal(1, size));
    weight = inputs.view(inputs.normal(1, size[1]));
    inverseRms = inputs.view(torch.zeros(size[0]));
    rlkd_tensor normed = inputs.view(torch.zeros(size));
    NativeLibrary.check(
        rlkd_rmsnorm_forward(
            Verification.CPU, input, null, weight, 1e-6f, null, normed, inverseRms));
    doutput = inputs.view(inputs.normal(1, size));
    SizeTPointer bytes = new SizeTPointer(1);
    NativeLibrary.check(
        rlkd_rmsnorm_backward_workspace_size(Verification.CPU, size[0], size[1], bytes));
    workspaceBytes = bytes.get();
    workspace = Inputs.workspace(workspaceBytes);
    Tensor byInput = torch.zeros(size);
    Tensor byWeight = torch.zeros(size[1]);
    dinput = inputs.view(byInput);
    dweight = inputs.view(byWeight);
    Verification.againstReference(this::call, 1e-4, 1e-5, byInput, byWeight);
  }

  private int call(rlkd_context context) {
    return rlkd_rmsnorm_backward(
        context,
        input,
        weight,
        inverseRms,
        doutput,
        dinput,
        dweight,
        workspace.data_ptr(),
        workspaceBytes);
  }

  @Benchmark
  public void rmsnorm_backward(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
