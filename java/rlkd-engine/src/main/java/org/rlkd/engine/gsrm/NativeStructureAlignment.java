package org.rlkd.engine.gsrm;

import static org.rlkd.bindings.global.rlkd.RLKD_ALIGN_MONOTONE;
import static org.rlkd.bindings.global.rlkd.RLKD_ALIGN_PREFIX;
import static org.rlkd.bindings.global.rlkd.RLKD_NORMALIZE_MAX;
import static org.rlkd.bindings.global.rlkd.RLKD_NORMALIZE_NONE;
import static org.rlkd.bindings.global.rlkd.RLKD_NORMALIZE_TEACHER;
import static org.rlkd.bindings.global.rlkd.rlkd_structure_alignment;
import static org.rlkd.bindings.global.rlkd.rlkd_structure_alignment_workspace_size;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_structure_alignment_options;
import org.rlkd.core.gsrm.AlignmentOptions;
import org.rlkd.core.gsrm.AlignmentPair;
import org.rlkd.core.gsrm.AlignmentScore;
import org.rlkd.core.gsrm.StructureAlignment;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/**
 * The GSRM reward on the {@code rlkd_structure_alignment} kernel. Any thread may call; calls take
 * turns. The host memory that judgements are gathered in is kept from call to call (12 bytes for
 * each judged pair of steps of the largest batch so far): fresh pages for every batch cost more
 * than the scores.
 */
public final class NativeStructureAlignment implements StructureAlignment {
  private static final int KINDS = 3; // meta-reasoning, query, answer

  private final Device device;
  private Tensor judgements; // [3, capacity] float32 in host memory, null before the first pair

  /**
   * @param device that computes
   */
  public NativeStructureAlignment(Device device) {
    this.device = device;
  }

  @Override
  public synchronized List<AlignmentScore> score(
      List<AlignmentPair> pairs, AlignmentOptions options) {
    if (pairs.isEmpty()) {
      return List.of();
    }
    try (PointerScope scope = new PointerScope()) {
      Batch batch = new Batch(pairs, this::judgements);
      rlkd_structure_alignment_options nativeOptions = nativeOptions(options, batch);
      int count = pairs.size();
      rlkd_context context = device.context();
      Tensor reward = device.empty(ScalarType.Float, count);
      Tensor bestLeaf = device.empty(ScalarType.Int, count);
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(
          rlkd_structure_alignment_workspace_size(context, count, nativeOptions, bytes));
      Tensor workspace = device.empty(ScalarType.Byte, bytes.get());
      NativeLibrary.check(
          rlkd_structure_alignment(
              context,
              TensorView.of(device.place(batch.meta)),
              TensorView.of(device.place(batch.query)),
              TensorView.of(device.place(batch.answer)),
              TensorView.of(device.longs(batch.judgementOffsets, count)),
              TensorView.of(device.ints(batch.parents, batch.parents.length)),
              TensorView.of(device.longs(batch.parentOffsets, count)),
              TensorView.of(device.longs(batch.studentSteps, count)),
              TensorView.of(device.longs(batch.teacherNodes, count)),
              nativeOptions,
              TensorView.of(reward),
              TensorView.of(bestLeaf),
              workspace.data_ptr(),
              bytes.get()));
      float[] rewards = HostArrays.toFloats(reward);
      int[] leaves = HostArrays.toInts(bestLeaf);
      List<AlignmentScore> scores = new ArrayList<>(count);
      for (int p = 0; p < count; p++) {
        scores.add(new AlignmentScore(rewards[p], leaves[p]));
      }
      return scores;
    }
  }

  /** The first {@code count} columns of the kept memory, which grows as needed. */
  private Tensor judgements(int count) {
    if (judgements == null || judgements.size(1) < count) {
      if (judgements != null) {
        judgements.close();
      }
      judgements = torch.empty(KINDS, count);
      judgements.retainReference(); // outlives the scope
    }
    return judgements.narrow(1, 0, count);
  }

  private static rlkd_structure_alignment_options nativeOptions(
      AlignmentOptions options, Batch batch) {
    return new rlkd_structure_alignment_options()
        .alignment(
            switch (options.alignment()) {
              case PREFIX -> RLKD_ALIGN_PREFIX;
              case MONOTONE -> RLKD_ALIGN_MONOTONE;
            })
        .normalize(
            switch (options.normalize()) {
              case NONE -> RLKD_NORMALIZE_NONE;
              case TEACHER -> RLKD_NORMALIZE_TEACHER;
              case MAX -> RLKD_NORMALIZE_MAX;
            })
        .gap_decay(options.gapDecay())
        .max_student_steps(batch.maxStudentSteps)
        .max_teacher_nodes(batch.maxTeacherNodes);
  }

  /** The pairs one after another, as the kernel reads them. */
  private static final class Batch {
    final Tensor meta;
    final Tensor query;
    final Tensor answer;
    final int[] parents;
    final long[] judgementOffsets;
    final long[] parentOffsets;
    final long[] studentSteps;
    final long[] teacherNodes;
    long maxStudentSteps;
    long maxTeacherNodes;

    Batch(List<AlignmentPair> pairs, IntFunction<Tensor> memory) {
      int judgements =
          pairs.stream().mapToInt(pair -> pair.meta().length).reduce(0, Math::addExact);
      Tensor kinds = memory.apply(judgements);
      meta = fill(kinds.get(0), pairs, AlignmentPair::meta);
      query = fill(kinds.get(1), pairs, AlignmentPair::query);
      answer = fill(kinds.get(2), pairs, AlignmentPair::answer);
      parents = new int[pairs.stream().mapToInt(AlignmentPair::teacherNodes).sum()];
      judgementOffsets = new long[pairs.size()];
      parentOffsets = new long[pairs.size()];
      studentSteps = new long[pairs.size()];
      teacherNodes = new long[pairs.size()];
      int judgement = 0;
      int parent = 0;
      for (int p = 0; p < pairs.size(); p++) {
        AlignmentPair pair = pairs.get(p);
        judgementOffsets[p] = judgement;
        parentOffsets[p] = parent;
        studentSteps[p] = pair.studentSteps();
        teacherNodes[p] = pair.teacherNodes();
        maxStudentSteps = Math.max(maxStudentSteps, studentSteps[p]);
        maxTeacherNodes = Math.max(maxTeacherNodes, teacherNodes[p]);
        System.arraycopy(pair.parents(), 0, parents, parent, pair.parents().length);
        judgement += pair.meta().length;
        parent += pair.parents().length;
      }
    }

    private static Tensor fill(
        Tensor row, List<AlignmentPair> pairs, Function<AlignmentPair, float[]> kind) {
      if (row.numel() > 0) { // an empty tensor has no memory
        FloatBuffer memory = new FloatPointer(row.data_ptr()).capacity(row.numel()).asBuffer();
        for (AlignmentPair pair : pairs) {
          memory.put(kind.apply(pair));
        }
      }
      return row;
    }
  }
}
