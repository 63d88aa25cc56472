package org.rlkd.engine.safetensors;

import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Element types of the safetensors format that LibTorch holds, by increasing alignment. */
public enum SafetensorsDtype {
  BOOL(1, ScalarType.Bool),
  U8(1, ScalarType.Byte),
  I8(1, ScalarType.Char),
  F8_E5M2(1, ScalarType.Float8_e5m2),
  F8_E4M3(1, ScalarType.Float8_e4m3fn),
  I16(2, ScalarType.Short),
  U16(2, ScalarType.UInt16),
  F16(2, ScalarType.Half),
  BF16(2, ScalarType.BFloat16),
  I32(4, ScalarType.Int),
  U32(4, ScalarType.UInt32),
  F32(4, ScalarType.Float),
  F64(8, ScalarType.Double),
  I64(8, ScalarType.Long),
  U64(8, ScalarType.UInt64);

  private final int bytes;
  private final ScalarType scalarType;

  SafetensorsDtype(int bytes, ScalarType scalarType) {
    this.bytes = bytes;
    this.scalarType = scalarType;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  public ScalarType scalarType() {
    return scalarType;
  }

  static Optional<SafetensorsDtype> named(String name) {
    return Arrays.stream(values()).filter(d -> d.name().equals(name)).findFirst();
  }

  /**
   * The dtype in which a LibTorch tensor is stored.
   *
   * @throws IllegalArgumentException if the format has none for it
   */
  public static SafetensorsDtype of(ScalarType scalarType) {
    ScalarType interned = scalarType.intern(); // JavaCPP returns a new instance each time
    return Arrays.stream(values())
        .filter(d -> d.scalarType == interned)
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("safetensors holds no " + scalarType + " tensors"));
  }
}
