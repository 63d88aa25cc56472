package org.rlkd.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/**
 * Random tensors of a seed, and views of tensors for librlkd. What has a view lives as long as this
 * object; a benchmark makes it outside of any PointerScope.
 */
public final class Inputs {
  private final Random random;
  private final List<Object> kept = new ArrayList<>();

  public Inputs(long seed) {
    this.random = new Random(seed);
  }

  /** A view of a tensor. */
  public rlkd_tensor view(Tensor tensor) {
    return views(List.of(tensor));
  }

  /** An array of views in the order of the tensors. */
  public rlkd_tensor views(List<Tensor> tensors) {
    rlkd_tensor views = TensorView.arrayOf(tensors);
    kept.addAll(tensors);
    kept.add(views);
    return views;
  }

  /** float32, mean 0. */
  public Tensor normal(double deviation, long... shape) {
    float[] values = new float[elements(shape)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return HostArrays.floats(values, shape);
  }

  /** float32 uniform in [0, 1). */
  public Tensor uniform(long... shape) {
    float[] values = new float[elements(shape)];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat();
    }
    return HostArrays.floats(values, shape);
  }

  /** int64 uniform in [0, bound). */
  public Tensor integers(long bound, long... shape) {
    return HostArrays.longs(random.longs(elements(shape), 0, bound).toArray(), shape);
  }

  /** float32, all of one value. */
  public static Tensor filled(double value, long... shape) {
    Tensor tensor = torch.empty(shape);
    return tensor.fill_(new Scalar(value));
  }

  /** int64 0, step, 2 step, ... */
  public static Tensor multiples(long step, long count) {
    return HostArrays.longs(LongStream.range(0, count).map(i -> i * step).toArray(), count);
  }

  /** A workspace. */
  public static Tensor workspace(long bytes) {
    return torch.empty(new long[] {bytes}, new TensorOptions(ScalarType.Byte), null);
  }

  private static int elements(long... shape) {
    long elements = 1;
    for (long size : shape) {
      elements = Math.multiplyExact(elements, size);
    }
    return Math.toIntExact(elements);
  }
}
