package org.rlkd.engine.selftest;

import static org.bytedeco.pytorch.global.torch.empty;
import static org.rlkd.bindings.global.rlkd.rlkd_grad_norm;
import static org.rlkd.bindings.global.rlkd.rlkd_grad_norm_workspace_size;
import static org.rlkd.engine.selftest.CheckInputs.on;
import static org.rlkd.engine.selftest.CheckInputs.view;

import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/** The global norm of several gradients. */
final class GradNormCheck implements KernelCheck {
  @Override
  public String name() {
    return "grad_norm";
  }

  @Override
  public Tolerance tolerance() {
    return new Tolerance(0, 1e-6, "summed in fp64 on both sides, rounded once to float32");
  }

  @Override
  public Map<String, double[]> run(int backend) {
    try (PointerScope scope = new PointerScope()) {
      CheckInputs random = new CheckInputs(8);
      List<Tensor> gradients =
          List.of(
              random.normal(0, 1, 100, 37), random.normal(0, 1e-3, 5), random.normal(1, 2, 2048));
      Tensor norm = empty(1);
      long elements = gradients.stream().mapToLong(Tensor::numel).sum();
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(
          rlkd_grad_norm_workspace_size(on(backend), elements, gradients.size(), bytes));
      Tensor workspace = empty(new long[] {bytes.get()}, new TensorOptions(ScalarType.Byte), null);
      NativeLibrary.check(
          rlkd_grad_norm(
              on(backend),
              TensorView.arrayOf(gradients),
              gradients.size(),
              view(norm),
              workspace.data_ptr(),
              bytes.get()));
      return Map.of("norm", HostArrays.toDoubles(norm));
    }
  }
}
