package org.rlkd.engine.tensor;

import java.util.Arrays;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Copies between Java arrays and LibTorch tensors, row-major. The tensors belong to the caller's
 * {@link org.bytedeco.javacpp.PointerScope}.
 */
public final class HostArrays {
  private HostArrays() {}

  /** An int64 CPU tensor of the given shape. */
  public static Tensor longs(long[] values, long... shape) {
    Tensor tensor = empty(values.length, ScalarType.Long, shape);
    if (values.length > 0) { // an empty tensor has no memory
      new LongPointer(tensor.data_ptr()).put(values);
    }
    return tensor;
  }

  /** An int32 CPU tensor of the given shape. */
  public static Tensor ints(int[] values, long... shape) {
    Tensor tensor = empty(values.length, ScalarType.Int, shape);
    if (values.length > 0) {
      new IntPointer(tensor.data_ptr()).put(values);
    }
    return tensor;
  }

  /** A float32 CPU tensor of the given shape. */
  public static Tensor floats(float[] values, long... shape) {
    Tensor tensor = empty(values.length, ScalarType.Float, shape);
    if (values.length > 0) {
      new FloatPointer(tensor.data_ptr()).put(values);
    }
    return tensor;
  }

  /** The elements of an int64 or int32 tensor on any device. */
  public static long[] toLongs(Tensor tensor) {
    long[] values = new long[Math.toIntExact(tensor.numel())];
    try (PointerScope scope = new PointerScope()) {
      new LongPointer(onHost(tensor, ScalarType.Long).data_ptr()).get(values);
    }
    return values;
  }

  /** The elements of an int64 or int32 tensor as int32; the values must fit. */
  public static int[] toInts(Tensor tensor) {
    int[] values = new int[Math.toIntExact(tensor.numel())];
    try (PointerScope scope = new PointerScope()) {
      new IntPointer(onHost(tensor, ScalarType.Int).data_ptr()).get(values);
    }
    return values;
  }

  /** The elements of a floating-point tensor on any device, as float32. */
  public static float[] toFloats(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.numel())];
    try (PointerScope scope = new PointerScope()) {
      new FloatPointer(onHost(tensor, ScalarType.Float).data_ptr()).get(values);
    }
    return values;
  }

  /** The elements of a floating-point tensor on any device, as float64. */
  public static double[] toDoubles(Tensor tensor) {
    double[] values = new double[Math.toIntExact(tensor.numel())];
    try (PointerScope scope = new PointerScope()) {
      new DoublePointer(onHost(tensor, ScalarType.Double).data_ptr()).get(values);
    }
    return values;
  }

  private static Tensor empty(long elements, ScalarType type, long... shape) {
    Tensor tensor = torch.empty(shape, new TensorOptions(type), null);
    if (tensor.numel() != elements) {
      throw new IllegalArgumentException(
          elements + " values do not fill " + Arrays.toString(shape));
    }
    return tensor;
  }

  private static Tensor onHost(Tensor tensor, ScalarType type) {
    return tensor.detach().cpu().to(type).contiguous();
  }
}
