package org.rlkd.engine.tensor;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;

/**
 * Host memory. LibTorch computes on the CPU, librlkd on a backend that reads host memory.
 *
 * @param context of every call; lives as long as the process
 */
public record HostDevice(rlkd_context context, ScalarType weightType) implements Device {
  static {
    NativeLibrary.require();
    CpuThreads.share();
  }

  /**
   * A device on a backend: {@link Device#CPU} for work; REFERENCE or EMULATED to check what runs on
   * top of the kernels.
   *
   * @param backend {@code RLKD_BACKEND_CPU}, {@code _REFERENCE} or {@code _EMULATED}
   * @param weightType float32, or bfloat16 on a backend that takes it
   */
  public HostDevice(int backend, ScalarType weightType) {
    this(new rlkd_context().backend(backend).device_index(0).stream(null), weightType);
    context.retainReference(); // whatever scope is open
  }

  @Override
  public TensorOptions options(ScalarType type) {
    return new TensorOptions(type);
  }

  @Override
  public Tensor place(Tensor host) {
    return host;
  }

  @Override
  public String toString() {
    return "cpu";
  }
}
