package org.rlkd.bench.kernels;

import static org.rlkd.bindings.global.rlkd.rlkd_decode_attention;

import org.bytedeco.pytorch.Scalar;
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
import org.rlkd.bindings.rlkd_decode_attention_inputs;
import org.rlkd.bindings.rlkd_tensor;

/** Attention of a decoding step over a paged cache whose blocks no two rows share. */
@State(Scope.Benchmark)
public class DecodeAttentionBenchmark implements Workload {
  private static final long BLOCK = 16;

  /** rows x length x heads x key/value heads x width of a head. */
  @Param({"64x192x4x2x64", "16x512x9x3x64", "16x2048x14x2x64"})
  public String shape;

  private Inputs random;
  private rlkd_decode_attention_inputs inputs;
  private rlkd_tensor output;
  private float scale;

  @Override
  public Work work() {
    long[] size = Shape.of(shape);
    return Work.bytes(8.0 * size[0] * size[1] * size[3] * size[4]);
  }

  @Setup
  public void setUp() {
    random = new Inputs(5);
    long[] size = Shape.of(shape);
    long rows = size[0];
    long blocks = size[1] / BLOCK;
    long width = size[2] * size[4];
    Tensor table = Inputs.multiples(1, rows * blocks).reshape(rows, blocks);
    inputs =
        new rlkd_decode_attention_inputs()
            .query(random.view(random.normal(1, rows, width)))
            .key_cache(random.view(random.normal(1, rows * blocks, BLOCK, size[3], size[4])))
            .value_cache(random.view(random.normal(1, rows * blocks, BLOCK, size[3], size[4])))
            .block_table(random.view(table))
            .lengths(random.view(Inputs.multiples(0, rows).add_(new Scalar(size[1]))))
            .group_offsets(null)
            .prefix_lengths(null);
    Tensor attended = torch.zeros(rows, width);
    output = random.view(attended);
    scale = (float) (1 / Math.sqrt(size[4]));
    Verification.againstReference(this::call, 1e-5, 1e-5, attended);
  }

  private int call(rlkd_context context) {
    return rlkd_decode_attention(context, inputs, scale, output, null, 0);
  }

  @Benchmark
  public void decode_attention(MachineLimit limit) {
    NativeLibrary.check(call(Verification.CPU));
  }
}
