package org.rlkd.engine.training;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.TensorView;

/** The logprob kernels on LibTorch tensors; formulas and shapes as in {@code rlkd.h}. */
final class Logprob {
  private Logprob() {}

  /** Fills {@code out} from logits [rows, vocab], which stay as they are. */
  static void forward(
      Device device, Tensor logits, Tensor tokens, float temperature, StreamingLogprob.Rows out) {
    try (PointerScope scope = new PointerScope()) {
      rlkd_context context = device.context();
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(
          rlkd.rlkd_logprob_forward_workspace_size(context, logits.size(0), logits.size(1), bytes));
      Tensor workspace = device.empty(ScalarType.Byte, bytes.get());
      NativeLibrary.check(
          rlkd.rlkd_logprob_forward(
              context,
              TensorView.of(logits),
              TensorView.of(tokens),
              temperature,
              TensorView.of(out.logprob()),
              TensorView.of(out.entropy()),
              TensorView.of(out.logsumexp()),
              workspace.data_ptr(),
              bytes.get()));
    }
  }

  /** Turns logits into their gradient, in place. */
  static void backward(
      Device device,
      Tensor logits,
      Tensor tokens,
      float temperature,
      StreamingLogprob.Rows rows,
      StreamingLogprob.RowGradient gradient) {
    boolean entropy = gradient.dEntropy() != null;
    try (PointerScope scope = new PointerScope()) {
      NativeLibrary.check(
          rlkd.rlkd_logprob_backward(
              device.context(),
              TensorView.of(logits),
              TensorView.of(tokens),
              temperature,
              TensorView.of(rows.logsumexp()),
              entropy ? TensorView.of(rows.entropy()) : null,
              TensorView.of(gradient.dLogprob()),
              TensorView.of(gradient.dEntropy())));
    }
  }
}
