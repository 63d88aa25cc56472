package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.RLKD_ALIGN_MONOTONE;
import static org.rlkd.bindings.global.rlkd.RLKD_ALIGN_PREFIX;
import static org.rlkd.bindings.global.rlkd.RLKD_NORMALIZE_TEACHER;
import static org.rlkd.bindings.global.rlkd.rlkd_structure_alignment;
import static org.rlkd.bindings.global.rlkd.rlkd_structure_alignment_workspace_size;

import java.util.stream.IntStream;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
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
import org.rlkd.bindings.rlkd_structure_alignment_options;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.engine.tensor.HostArrays;

/** GSRM rewards of judged pairs of paths. */
@State(Scope.Benchmark)
public class StructureAlignmentBenchmark implements Workload {
  /** pairs x student steps x teacher steps. */
  @Param({"4096x12x12"})
  public String shape;

  @Param({"prefix", "monotone"})
  public String alignment;

  private Inputs inputs;
  private rlkd_tensor meta;
  private rlkd_tensor query;
  private rlkd_tensor answer;
  private rlkd_tensor judgementOffsets;
  private rlkd_tensor parents;
  private rlkd_tensor parentOffsets;
  private rlkd_tensor studentSteps;
  private rlkd_tensor teacherNodes;
  private rlkd_structure_alignment_options options;
  private rlkd_tensor reward;
  private Tensor workspace;
  private long workspaceBytes;

  /** Three judgements of each pair of steps; prefix alignment reads those of equal place alone. */
  @Override
  public Work work() {
    return Work.bytes(12.0 * Shape.elements(shape));
  }

  @Setup
  public void setUp() {
    inputs = new Inputs(15);
    long[] size = Shape.of(shape);
    long pairs = size[0];
    // Two of three judgements are yes, so that prefix alignment goes beyond the first step.
    meta =
        inputs.view(
            inputs
                .integers(3, Shape.elements(shape))
                .clamp_max(new Scalar(1))
                .to(ScalarType.Float));
    query = inputs.view(inputs.uniform(Shape.elements(shape)));
    answer = inputs.view(inputs.uniform(Shape.elements(shape)));
    judgementOffsets = inputs.view(Inputs.multiples(size[1] * size[2], pairs));
    parents =
        inputs.view(HostArrays.ints(IntStream.range(-1, (int) size[2] - 1).toArray(), size[2]));
    parentOffsets = inputs.view(Inputs.multiples(0, pairs));
    studentSteps = inputs.view(Inputs.multiples(0, pairs).add_(new Scalar(size[1])));
    teacherNodes = inputs.view(Inputs.multiples(0, pairs).add_(new Scalar(size[2])));
    options =
        new rlkd_structure_alignment_options()
            .alignment(alignment.equals("prefix") ? RLKD_ALIGN_PREFIX : RLKD_ALIGN_MONOTONE)
            .normalize(RLKD_NORMALIZE_TEACHER)
            .gap_decay(alignment.equals("prefix") ? 0 : 0.7)
            .max_student_steps(size[1])
            .max_teacher_nodes(size[2]);
    SizeTPointer bytes = new SizeTPointer(1);
    NativeLibrary.check(
        rlkd_structure_alignment_workspace_size(Verification.CPU, pairs, options, bytes));
    workspaceBytes = bytes.get();
    workspace = Inputs.workspace(workspaceBytes);
    Tensor rewards = torch.zeros(pairs);
    reward = inputs.view(rewards);
    Verification.againstReference(this::call, 1e-7, 1e-6, rewards);
  }

  private int call(rlkd_context context) {
    return rlkd_structure_alignment(
        context,
        meta,
        query,
        answer,
        judgementOffsets,
        parents,
        parentOffsets,
        studentSteps,
        teacherNodes,
        options,
        reward,
        null,
        workspace.data_ptr(),
        workspaceBytes);
  }

  @Benchmark
  public void structure_alignment(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
