package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_adamw;
import static org.rlkd.bindings.global.rlkd.rlkd_grad_norm;
import static org.rlkd.bindings.global.rlkd.rlkd_grad_norm_workspace_size;

import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
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
import org.rlkd.bindings.rlkd_adamw_options;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_tensor;

/** The norm of all gradients and the update by it: an optimizer step. */
@State(Scope.Benchmark)
public class AdamwBenchmark implements Workload {
  /** tensors x elements of each. */
  @Param({"64x65536", "32x884736"})
  public String shape;

  private Inputs inputs;
  private int count;
  private rlkd_tensor params;
  private rlkd_tensor grads;
  private rlkd_tensor expAvg;
  private rlkd_tensor expAvgSq;
  private rlkd_tensor norm;
  private DoublePointer weightDecay;
  private IntPointer skipped;
  private rlkd_adamw_options options;
  private Tensor workspace;
  private long workspaceBytes;

  /** Gradients are read twice; weights and both moments are read and written. */
  @Override
  public Work work() {
    return Work.bytes(32.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(13);
    long[] size = Shape.of(shape);
    count = (int) size[0];
    List<Tensor> weights = tensors(inputs, 1);
    List<Tensor> first = tensors(inputs, 0.01);
    List<Tensor> second = tensors(inputs, 0.01).stream().map(Tensor::abs).toList();
    params = inputs.views(weights);
    grads = inputs.views(tensors(inputs, 0.1));
    expAvg = inputs.views(first);
    expAvgSq = inputs.views(second);
    Tensor total = torch.zeros(1);
    norm = inputs.view(total);
    weightDecay =
        new DoublePointer(Collections.nCopies(count, 0.01).stream().mapToDouble(d -> d).toArray());
    skipped = new IntPointer(1);
    options =
        new rlkd_adamw_options()
            .learning_rate(1e-3)
            .beta1(0.9)
            .beta2(0.999)
            .epsilon(1e-8)
            .max_grad_norm(1)
            .step(10);
    SizeTPointer bytes = new SizeTPointer(1);
    NativeLibrary.check(
        rlkd_grad_norm_workspace_size(Verification.CPU, Shape.elements(shape), count, bytes));
    workspaceBytes = bytes.get();
    workspace = Inputs.workspace(workspaceBytes);
    Tensor[] outputs =
        Stream.of(weights, first, second, List.of(total))
            .flatMap(List::stream)
            .toArray(Tensor[]::new);
    Verification.againstReference(this::call, 1e-6, 1e-5, outputs);
  }

  private List<Tensor> tensors(Inputs inputs, double deviation) {
    return Stream.generate(() -> inputs.normal(deviation, Shape.of(shape)[1]))
        .limit(count)
        .toList();
  }

  private int call(rlkd_context context) {
    NativeLibrary.check(
        rlkd_grad_norm(context, grads, count, norm, workspace.data_ptr(), workspaceBytes));
    return rlkd_adamw(
        context, params, null, grads, expAvg, expAvgSq, weightDecay, count, options, norm, skipped);
  }

  @Benchmark
  public void adamw(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
