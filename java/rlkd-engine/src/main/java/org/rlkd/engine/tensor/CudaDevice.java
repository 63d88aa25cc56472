package org.rlkd.engine.tensor;

import java.util.Optional;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.LayoutOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.DeviceSpec;

/**
 * A GPU. The only class that touches LibTorch's CUDA classes, which exist in builds with the Maven
 * profile {@code gpu} alone: it is loaded when a CUDA device is asked for.
 */
final class CudaDevice implements Device {
  private static final String REMEDY =
      "Build with the profile gpu (mvn -Pgpu, or RLKD_GPU=1 ./rlkd), or use --device cpu";

  private final int index;

  private CudaDevice(int index) {
    this.index = index;
  }

  /**
   * Opens a device.
   *
   * @param index CUDA ordinal
   * @throws UsageException if it cannot be used, with the reason
   */
  static Device open(int index) {
    DeviceSpec wanted = new DeviceSpec(DeviceSpec.Kind.CUDA, index);
    Optional<String> kernels = NativeLibrary.backendUnavailable(rlkd.RLKD_BACKEND_CUDA);
    if (kernels.isPresent()) {
      throw refused(wanted, kernels.get(), "librlkd with CUDA, a driver and a device");
    }
    int count;
    try {
      Loader.load(torch_cuda.class);
      count = torch_cuda.device_count();
    } catch (LinkageError e) {
      throw refused(
          wanted,
          "LibTorch cannot load its CUDA part (" + e + ")",
          "the gpu artifacts of LibTorch");
    }
    if (index >= count) {
      throw new UsageException(
          "device %s: found %d CUDA device%s, expected an index below %d. Choose another, or look at CUDA_VISIBLE_DEVICES."
              .formatted(wanted, count, count == 1 ? "" : "s", count));
    }
    return new CudaDevice(index);
  }

  private static UsageException refused(DeviceSpec wanted, String found, String expected) {
    return new UsageException(
        "device %s: found that %s, expected %s. %s.".formatted(wanted, found, expected, REMEDY));
  }

  @Override
  public rlkd_context context() {
    return new rlkd_context()
        .backend(rlkd.RLKD_BACKEND_CUDA).device_index(index).stream(
            torch_cuda.getCurrentCUDAStream((byte) index).stream());
  }

  @Override
  public ScalarType weightType() {
    return ScalarType.BFloat16;
  }

  @Override
  public TensorOptions options(ScalarType type) {
    return new TensorOptions(type).device(device());
  }

  /**
   * The pinned copy comes from LibTorch's cache of pinned memory, which takes it back only when the
   * stream has passed the copy: it may be closed at once.
   */
  @Override
  public Tensor place(Tensor host) {
    return host.pin_memory()
        .to(
            new ScalarTypeOptional(),
            new LayoutOptional(),
            device(),
            new BoolOptional(),
            true,
            false,
            new MemoryFormatOptional());
  }

  private DeviceOptional device() {
    return new DeviceOptional(new org.bytedeco.pytorch.Device(DeviceType.CUDA, (byte) index));
  }

  @Override
  public String toString() {
    return "cuda:" + index;
  }
}
