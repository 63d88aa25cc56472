package org.rlkd.engine.selftest;

import static org.rlkd.bindings.global.rlkd.rlkd_adamw;
import static org.rlkd.engine.selftest.CheckInputs.on;
import static org.rlkd.engine.selftest.CheckInputs.view;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_adamw_options;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/** An optimizer step over tensors with and without weight decay, clipped by the global norm. */
final class AdamWCheck implements KernelCheck {
  private static final long[][] SHAPES = {{33, 65}, {7}};
  private static final double[] WEIGHT_DECAY = {0.1, 0};
  private static final float GRADIENT_NORM = 48; // given, so that this check stands alone

  @Override
  public String name() {
    return "adamw";
  }

  @Override
  public Tolerance tolerance() {
    return new Tolerance(
        2e-7, 1e-6, "a few float32 operations an element; a parameter near 1 rounds to 6e-8");
  }

  @Override
  public Map<String, double[]> run(int backend) {
    try (PointerScope scope = new PointerScope()) {
      CheckInputs random = new CheckInputs(9);
      List<Tensor> parameters = new ArrayList<>();
      List<Tensor> gradients = new ArrayList<>();
      List<Tensor> firstMoments = new ArrayList<>();
      List<Tensor> secondMoments = new ArrayList<>();
      for (long[] shape : SHAPES) {
        parameters.add(random.normal(0, 1, shape));
        gradients.add(random.normal(0, 1, shape));
        firstMoments.add(random.normal(0, 0.1, shape));
        secondMoments.add(random.uniform(shape));
      }
      rlkd_adamw_options options =
          new rlkd_adamw_options()
              .learning_rate(0.01)
              .beta1(0.9)
              .beta2(0.98)
              .epsilon(1e-8)
              .max_grad_norm(1)
              .step(3);
      IntPointer skipped = new IntPointer(1).put(-1);
      NativeLibrary.check(
          rlkd_adamw(
              on(backend),
              TensorView.arrayOf(parameters),
              null,
              TensorView.arrayOf(gradients),
              TensorView.arrayOf(firstMoments),
              TensorView.arrayOf(secondMoments),
              new DoublePointer(WEIGHT_DECAY),
              SHAPES.length,
              options,
              view(HostArrays.floats(new float[] {GRADIENT_NORM}, 1)),
              skipped));
      Map<String, double[]> outputs = new LinkedHashMap<>();
      outputs.put("skipped", new double[] {skipped.get()});
      for (int i = 0; i < SHAPES.length; i++) {
        outputs.put("parameter " + i, HostArrays.toDoubles(parameters.get(i)));
        outputs.put("exp_avg " + i, HostArrays.toDoubles(firstMoments.get(i)));
        outputs.put("exp_avg_sq " + i, HostArrays.toDoubles(secondMoments.get(i)));
      }
      return outputs;
    }
  }
}
