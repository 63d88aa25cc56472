package org.rlkd.engine.selftest;

import static org.bytedeco.pytorch.global.torch.empty;
import static org.rlkd.bindings.global.rlkd.rlkd_decode_attention;
import static org.rlkd.bindings.global.rlkd.rlkd_decode_attention_workspace_size;
import static org.rlkd.engine.selftest.CheckInputs.on;
import static org.rlkd.engine.selftest.CheckInputs.view;
import static org.rlkd.engine.selftest.CheckInputs.workspace;

import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_decode_attention_inputs;
import org.rlkd.engine.tensor.HostArrays;

/** Grouped-query attention of rows of different lengths over shared cache blocks. */
final class DecodeAttentionCheck implements KernelCheck {
  private static final int ROWS = 8;
  private static final int HEADS = 6;
  private static final int KV_HEADS = 2;
  private static final int HEAD_DIM = 40;
  private static final int BLOCKS = 12;
  private static final int BLOCK_SIZE = 16;
  private static final int BLOCKS_OF_ROW = 5;

  @Override
  public String name() {
    return "decode_attention";
  }

  @Override
  public Tolerance tolerance() {
    return new Tolerance(5e-6, 5e-6, "float32 sums over up to 80 tokens of unit-normal values");
  }

  @Override
  public Map<String, double[]> run(int backend) {
    try (PointerScope scope = new PointerScope()) {
      CheckInputs random = new CheckInputs(7);
      long[] lengths = new long[ROWS];
      for (int r = 0; r < ROWS; r++) {
        lengths[r] = 1 + r * (BLOCKS_OF_ROW * BLOCK_SIZE - 1) / (ROWS - 1);
      }
      rlkd_decode_attention_inputs inputs =
          new rlkd_decode_attention_inputs()
              .query(view(random.normal(0, 1, ROWS, HEADS * HEAD_DIM)))
              .key_cache(view(random.normal(0, 1, BLOCKS, BLOCK_SIZE, KV_HEADS, HEAD_DIM)))
              .value_cache(view(random.normal(0, 1, BLOCKS, BLOCK_SIZE, KV_HEADS, HEAD_DIM)))
              .block_table(view(random.integers(BLOCKS, ROWS, BLOCKS_OF_ROW)))
              .lengths(view(HostArrays.longs(lengths, ROWS)));
      Tensor output = empty(ROWS, HEADS * HEAD_DIM);
      rlkd_context context = on(backend);
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(
          rlkd_decode_attention_workspace_size(
              context, ROWS, HEADS, HEAD_DIM, BLOCKS_OF_ROW * BLOCK_SIZE, bytes));
      Tensor workspace = workspace(bytes.get());
      NativeLibrary.check(
          rlkd_decode_attention(
              context,
              inputs,
              (float) (1 / Math.sqrt(HEAD_DIM)),
              view(output),
              workspace.data_ptr(),
              bytes.get()));
      return Map.of("output", HostArrays.toDoubles(output));
    }
  }
}
