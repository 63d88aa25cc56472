package org.rlkd.engine.model;

import java.util.Map;
import org.rlkd.engine.safetensors.SafetensorsDtype;

/**
 * How weights are stored.
 *
 * @param dtype F32, BF16 or F16
 * @param maxShardBytes tensor data of one file, bytes
 */
public record SaveOptions(SafetensorsDtype dtype, long maxShardBytes) {
  private static final Map<SafetensorsDtype, String> NAMES =
      Map.of(
          SafetensorsDtype.F32, "float32",
          SafetensorsDtype.BF16, "bfloat16",
          SafetensorsDtype.F16, "float16");

  /** float32, shards of 5 GB: the {@code max_shard_size} of transformers 4. */
  public static final SaveOptions FLOAT32 = new SaveOptions(SafetensorsDtype.F32, 5_000_000_000L);

  public SaveOptions {
    if (!NAMES.containsKey(dtype)) {
      throw new IllegalArgumentException("weights are stored as F32, BF16 or F16, not " + dtype);
    }
    if (maxShardBytes <= 0) {
      throw new IllegalArgumentException("max_shard_size " + maxShardBytes + " is not above 0");
    }
  }

  /** The dtype as config.json names it. */
  String dtypeName() {
    return NAMES.get(dtype);
  }
}
