package org.rlkd.engine.tensor;

import static org.rlkd.bindings.global.rlkd.RLKD_DEVICE_CPU;
import static org.rlkd.bindings.global.rlkd.RLKD_DEVICE_CUDA;
import static org.rlkd.bindings.global.rlkd.RLKD_DTYPE_BFLOAT;
import static org.rlkd.bindings.global.rlkd.RLKD_DTYPE_FLOAT;
import static org.rlkd.bindings.global.rlkd.RLKD_DTYPE_INT;

import java.util.List;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_tensor;

/**
 * Hands LibTorch tensors to librlkd by pointer, without a copy.
 *
 * <p>A view points at the tensor's data, shape and strides; it is valid while the tensor lives and
 * keeps its shape. It belongs to the caller's PointerScope.
 */
public final class TensorView {
  static {
    NativeLibrary.require();
  }

  private TensorView() {}

  /** A view of a float32, float64, bfloat16, float16, int64 or int32 tensor; null for null. */
  public static rlkd_tensor of(Tensor tensor) {
    if (tensor == null) {
      return null;
    }
    rlkd_tensor view = new rlkd_tensor();
    describe(tensor, view);
    return view;
  }

  /** An array of views in the order of the tensors. */
  public static rlkd_tensor arrayOf(List<Tensor> tensors) {
    rlkd_tensor views = new rlkd_tensor(tensors.size());
    for (int i = 0; i < tensors.size(); i++) {
      describe(tensors.get(i), views.getPointer(i));
    }
    return views;
  }

  private static void describe(Tensor tensor, rlkd_tensor view) {
    boolean cuda = tensor.is_cuda();
    view.data(tensor.data_ptr());
    view.device().device_type(cuda ? RLKD_DEVICE_CUDA : RLKD_DEVICE_CPU);
    view.device().device_id(cuda ? tensor.device().index() : 0);
    view.ndim((int) tensor.dim());
    ScalarType type = tensor.scalar_type().intern();
    view.dtype().code((byte) code(type)).bits((byte) (8 * tensor.element_size())).lanes((short) 1);
    view.shape(new LongPointer(tensor.sizes().data()));
    view.strides(new LongPointer(tensor.strides().data()));
    view.byte_offset(0);
  }

  private static int code(ScalarType type) {
    return switch (type) {
      case Float, Double, Half -> RLKD_DTYPE_FLOAT;
      case BFloat16 -> RLKD_DTYPE_BFLOAT;
      case Long, Int -> RLKD_DTYPE_INT;
      default -> throw new IllegalArgumentException("a tensor of " + type + " has no view");
    };
  }
}
