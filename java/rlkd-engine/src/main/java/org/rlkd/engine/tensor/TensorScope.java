package org.rlkd.engine.tensor;

import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/** Frees the temporaries of a computation as soon as its result is there. */
public final class TensorScope {
  private TensorScope() {}

  /**
   * Runs a computation in a {@link PointerScope} of its own and hands its result to the scope of
   * the caller, which must have one open. Temporaries that autograd needs stay alive in its graph.
   */
  public static Tensor result(Supplier<Tensor> computation) {
    Tensor result;
    try (PointerScope temporaries = new PointerScope()) {
      result = computation.get();
      result.retainReference();
    }
    PointerScope.getInnerScope().attach(result);
    result.releaseReference();
    return result;
  }
}
