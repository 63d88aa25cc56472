package org.rlkd.engine.selftest;

import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/** Random inputs of a check: the same numbers, in the order asked for, at every run. */
final class CheckInputs {
  private final Random random;

  CheckInputs(long seed) {
    this.random = new Random(seed);
  }

  /** float32 with the given mean and standard deviation. */
  Tensor normal(double mean, double deviation, long... shape) {
    float[] values = new float[elements(shape)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (mean + deviation * random.nextGaussian());
    }
    return HostArrays.floats(values, shape);
  }

  /** float32 uniform in [0, 1). */
  Tensor uniform(long... shape) {
    float[] values = new float[elements(shape)];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat();
    }
    return HostArrays.floats(values, shape);
  }

  /** int64 uniform in [0, bound). */
  Tensor integers(int bound, long... shape) {
    long[] values = new long[elements(shape)];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextInt(bound);
    }
    return HostArrays.longs(values, shape);
  }

  private static int elements(long[] shape) {
    int elements = 1;
    for (long size : shape) {
      elements = Math.multiplyExact(elements, Math.toIntExact(size));
    }
    return elements;
  }

  /** A context of a backend. */
  static rlkd_context on(int backend) {
    return new rlkd_context().backend(backend).device_index(0).stream(null);
  }

  static rlkd_tensor view(Tensor tensor) {
    return TensorView.of(tensor);
  }

  /** A workspace; keep the tensor while the call runs. */
  static Tensor workspace(long bytes) {
    return torch.empty(new long[] {bytes}, new TensorOptions(ScalarType.Byte), null);
  }
}
