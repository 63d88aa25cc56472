package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_sampling;
import static org.rlkd.bindings.global.rlkd.rlkd_sampling_workspace_size;

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
import org.rlkd.bindings.rlkd_sampling_inputs;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.engine.tensor.HostArrays;

/** One token for each row of logits, plain and from a truncated distribution. */
@State(Scope.Benchmark)
public class SamplingBenchmark implements Workload {
  /** rows x vocabulary. */
  @Param({"64x8192", "16x49152", "16x151936"})
  public String shape;

  @Param({"1", "0.95"})
  public double topP;

  private Inputs random;
  private rlkd_sampling_inputs inputs;
  private rlkd_tensor tokens;
  private rlkd_tensor logprob;
  private Tensor workspace;
  private long workspaceBytes;

  @Override
  public Work work() {
    return Work.bytes(4.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    random = new Inputs(4);
    long[] size = Shape.of(shape);
    long rows = size[0];
    inputs =
        new rlkd_sampling_inputs()
            .logits(random.view(random.normal(3, size)))
            .seed(random.view(random.integers(1 << 30, rows)))
            ._position(random.view(random.integers(1000, rows)))
            .temperature(random.view(Inputs.filled(0.8, rows)))
            .top_k(random.view(Inputs.multiples(0, rows)))
            .top_p(random.view(Inputs.filled(topP, rows)))
            .min_p(random.view(Inputs.filled(0, rows)))
            .repetition_penalty(null)
            .history(null)
            .history_offsets(null);
    SizeTPointer bytes = new SizeTPointer(1);
    NativeLibrary.check(rlkd_sampling_workspace_size(Verification.CPU, rows, size[1], bytes));
    workspaceBytes = bytes.get();
    workspace = Inputs.workspace(workspaceBytes);
    Tensor drawn = HostArrays.longs(new long[(int) rows], rows);
    Tensor logprobs = torch.zeros(rows);
    tokens = random.view(drawn);
    logprob = random.view(logprobs);
    Verification.againstReference(this::call, 1e-5, 1e-6, drawn, logprobs);
  }

  private int call(rlkd_context context) {
    return rlkd_sampling(context, inputs, tokens, logprob, workspace.data_ptr(), workspaceBytes);
  }

  @Benchmark
  public void sampling(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
