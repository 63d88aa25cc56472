package org.rlkd.bench;

import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_CPU;
import static org.rlkd.bindings.global.rlkd.RLKD_BACKEND_REFERENCE;

import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.engine.tensor.HostArrays;

/** A benchmark times nothing that is wrong: it fails in its setup instead. */
public final class Verification {
  static {
    NativeLibrary.require();
  }

  /** The backend that is timed. */
  public static final rlkd_context CPU = context(RLKD_BACKEND_CPU);

  private static final rlkd_context REFERENCE = context(RLKD_BACKEND_REFERENCE);

  private Verification() {}

  private static rlkd_context context(int backend) {
    rlkd_context context = new rlkd_context().backend(backend).device_index(0).stream(null);
    context.retainReference();
    return context;
  }

  /**
   * Runs a call on the fp64 reference and on the CPU, from the same contents of its outputs, and
   * compares each: |actual - expected| at most absolute + relative |expected|. The outputs are left
   * as they were.
   *
   * @throws IllegalStateException if a value differs by more, or either is NaN
   */
  public static void againstReference(
      ToIntFunction<rlkd_context> call, double absolute, double relative, Tensor... outputs) {
    try (PointerScope scope = new PointerScope()) {
      List<Tensor> before = Arrays.stream(outputs).map(Tensor::clone).toList();
      NativeLibrary.check(call.applyAsInt(REFERENCE));
      List<double[]> expected = Arrays.stream(outputs).map(HostArrays::toDoubles).toList();
      restore(outputs, before);
      NativeLibrary.check(call.applyAsInt(CPU));
      for (int i = 0; i < outputs.length; i++) {
        equal("output " + i, HostArrays.toDoubles(outputs[i]), expected.get(i), absolute, relative);
      }
      restore(outputs, before);
    }
  }

  private static void restore(Tensor[] outputs, List<Tensor> before) {
    for (int i = 0; i < outputs.length; i++) {
      outputs[i].copy_(before.get(i));
    }
  }

  /**
   * Compares two arrays.
   *
   * @throws IllegalStateException if a value differs by more than absolute + relative |expected|,
   *     or either is NaN
   */
  public static void equal(
      String name, double[] actual, double[] expected, double absolute, double relative) {
    if (actual.length != expected.length) {
      throw new IllegalStateException(
          "%s: %d values, expected %d".formatted(name, actual.length, expected.length));
    }
    for (int i = 0; i < actual.length; i++) {
      double allowed = absolute + relative * Math.abs(expected[i]);
      if (!(Math.abs(actual[i] - expected[i]) <= allowed)) {
        throw new IllegalStateException(
            "%s[%d] is %s, expected %s within %.1e: a wrong result is not timed"
                .formatted(name, i, actual[i], expected[i], allowed));
      }
    }
  }
}
