package org.rlkd.engine.training;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.engine.tensor.TensorView;

/** The logprob kernels on LibTorch tensors; formulas and shapes as in {@code rlkd.h}. */
final class Logprob {
  private Logprob() {}

  /** Fills {@code out} from logits [rows, vocab], which stay as they are. */
  static void forward(Tensor logits, Tensor tokens, float temperature, StreamingLogprob.Rows out) {
    try (PointerScope scope = new PointerScope()) {
      NativeLibrary.check(
          rlkd.rlkd_logprob_forward(
              null,
              TensorView.of(logits),
              TensorView.of(tokens),
              temperature,
              TensorView.of(out.logprob()),
              TensorView.of(out.entropy()),
              TensorView.of(out.logsumexp()),
              null,
              0));
    }
  }

  /** Turns logits into their gradient, in place. */
  static void backward(
      Tensor logits,
      Tensor tokens,
      float temperature,
      StreamingLogprob.Rows rows,
      StreamingLogprob.RowGradient gradient) {
    boolean entropy = gradient.dEntropy() != null;
    try (PointerScope scope = new PointerScope()) {
      NativeLibrary.check(
          rlkd.rlkd_logprob_backward(
              null,
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
