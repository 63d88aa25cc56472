package org.rlkd.engine.selftest;

import static org.bytedeco.pytorch.global.torch.empty;
import static org.rlkd.bindings.global.rlkd.RLKD_ALIGN_MONOTONE;
import static org.rlkd.bindings.global.rlkd.RLKD_ALIGN_PREFIX;
import static org.rlkd.bindings.global.rlkd.RLKD_NORMALIZE_MAX;
import static org.rlkd.bindings.global.rlkd.RLKD_NORMALIZE_NONE;
import static org.rlkd.bindings.global.rlkd.RLKD_NORMALIZE_TEACHER;
import static org.rlkd.bindings.global.rlkd.rlkd_structure_alignment;
import static org.rlkd.bindings.global.rlkd.rlkd_structure_alignment_workspace_size;
import static org.rlkd.engine.selftest.CheckInputs.on;
import static org.rlkd.engine.selftest.CheckInputs.view;
import static org.rlkd.engine.selftest.CheckInputs.workspace;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_structure_alignment_options;
import org.rlkd.engine.tensor.HostArrays;

/** The GSRM reward of student paths against branching teacher trees, under every option. */
final class StructureAlignmentCheck implements KernelCheck {
  private static final int PAIRS = 24;
  private static final int STEPS = 6;

  /** A tree with the leaves 3, 5 and 6. */
  private static final int[] PARENTS = {-1, 0, 1, 2, 1, 4, -1};

  @Override
  public String name() {
    return "structure_alignment";
  }

  @Override
  public Tolerance tolerance() {
    return new Tolerance(1e-7, 1e-6, "computed in fp64 on both sides, rounded once to float32");
  }

  @Override
  public Map<String, double[]> run(int backend) {
    Map<String, double[]> outputs = new LinkedHashMap<>();
    for (int alignment : new int[] {RLKD_ALIGN_PREFIX, RLKD_ALIGN_MONOTONE}) {
      for (int normalize :
          new int[] {RLKD_NORMALIZE_NONE, RLKD_NORMALIZE_TEACHER, RLKD_NORMALIZE_MAX}) {
        String name = "(alignment %d, normalize %d)".formatted(alignment, normalize);
        add(
            outputs,
            name,
            backend,
            new rlkd_structure_alignment_options()
                .alignment(alignment)
                .normalize(normalize)
                .gap_decay(alignment == RLKD_ALIGN_MONOTONE ? 0.7 : 0)
                .max_student_steps(STEPS)
                .max_teacher_nodes(PARENTS.length));
      }
    }
    return outputs;
  }

  private static void add(
      Map<String, double[]> outputs,
      String name,
      int backend,
      rlkd_structure_alignment_options options) {
    try (PointerScope scope = new PointerScope()) {
      CheckInputs random = new CheckInputs(5);
      int judgements = STEPS * PARENTS.length;
      long[] judgementOffsets = new long[PAIRS];
      long[] parentOffsets = new long[PAIRS];
      long[] steps = new long[PAIRS];
      long[] nodes = new long[PAIRS];
      for (int p = 0; p < PAIRS; p++) {
        judgementOffsets[p] = (long) p * judgements;
        // All pairs share one tree; the student paths have 0 to 6 steps.
        steps[p] = p % (STEPS + 1);
        nodes[p] = PARENTS.length;
      }
      rlkd_context context = on(backend);
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(rlkd_structure_alignment_workspace_size(context, PAIRS, options, bytes));
      Tensor workspace = workspace(bytes.get());
      Tensor reward = empty(PAIRS);
      Tensor bestLeaf = empty(new long[] {PAIRS}, new TensorOptions(ScalarType.Int), null);
      NativeLibrary.check(
          rlkd_structure_alignment(
              context,
              view(random.uniform(PAIRS * judgements)),
              view(random.uniform(PAIRS * judgements)),
              view(random.uniform(PAIRS * judgements)),
              view(HostArrays.longs(judgementOffsets, PAIRS)),
              view(HostArrays.ints(PARENTS, PARENTS.length)),
              view(HostArrays.longs(parentOffsets, PAIRS)),
              view(HostArrays.longs(steps, PAIRS)),
              view(HostArrays.longs(nodes, PAIRS)),
              options,
              view(reward),
              view(bestLeaf),
              workspace.data_ptr(),
              bytes.get()));
      outputs.put("reward " + name, HostArrays.toDoubles(reward));
      outputs.put("best_leaf " + name, HostArrays.toDoubles(bestLeaf));
    }
  }
}
