package org.rlkd.engine.tensor;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.DeviceSpec;

/**
 * Where a model computes: the memory of its tensors, the dtype of its weights, and the context of
 * every call into librlkd. A model has one for its life; what works on the model takes it from
 * there.
 *
 * <p>Tensors that these methods return belong to the caller's {@link
 * org.bytedeco.javacpp.PointerScope}. Any thread may call.
 */
public sealed interface Device permits HostDevice, CudaDevice {
  /** Host memory, float32 weights, librlkd's CPU kernels. */
  Device CPU = new HostDevice(rlkd.RLKD_BACKEND_CPU, ScalarType.Float);

  /**
   * The device of a specification.
   *
   * @throws UsageException if it is CUDA and LibTorch or librlkd is built without it, there is no
   *     driver, or no device of the index
   */
  static Device open(DeviceSpec spec) {
    return switch (spec.kind()) {
      case CPU -> CPU;
      case CUDA -> CudaDevice.open(spec.index());
    };
  }

  /**
   * The context for a call into librlkd on this thread: backend, device, and on CUDA the stream
   * that LibTorch uses now, so that the work of both is in one order. It belongs to the device or
   * to the caller's scope; use it for the call alone.
   */
  rlkd_context context();

  /** dtype of weights, activations, keys and values. Gradients and optimizer state are float32. */
  ScalarType weightType();

  /** Options of a tensor in this device's memory. */
  TensorOptions options(ScalarType type);

  /**
   * A tensor in this device's memory with the values of one in host memory: that tensor itself, or
   * a copy that is made in the order of the device's stream, without waiting for it, from pinned
   * memory.
   */
  Tensor place(Tensor host);

  /** A tensor of undefined values. */
  default Tensor empty(ScalarType type, long... shape) {
    return torch.empty(shape, options(type), null);
  }

  /** A tensor of zeros. */
  default Tensor zeros(ScalarType type, long... shape) {
    return torch.zeros(shape, options(type));
  }

  /** An int64 tensor of the given values and shape. */
  default Tensor longs(long[] values, long... shape) {
    return place(HostArrays.longs(values, shape));
  }

  /** An int32 tensor of the given values and shape. */
  default Tensor ints(int[] values, long... shape) {
    return place(HostArrays.ints(values, shape));
  }

  /** A float32 tensor of the given values and shape. */
  default Tensor floats(float[] values, long... shape) {
    return place(HostArrays.floats(values, shape));
  }
}
