package org.rlkd.bindings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;
import static org.rlkd.bindings.global.rlkd.*;

import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tensors over JavaCPP memory go in by pointer; no LibTorch in the process. */
class TensorByPointerTest {
  private static rlkd_tensor tensor(Pointer data, int code, int bits, long... shape) {
    rlkd_tensor tensor = new rlkd_tensor();
    tensor.data(data);
    tensor.device().device_type(RLKD_DEVICE_CPU);
    tensor.ndim(shape.length);
    tensor.dtype().code((byte) code);
    tensor.dtype().bits((byte) bits);
    tensor.dtype().lanes((short) 1);
    tensor.shape(new LongPointer(shape));
    return tensor;
  }

  private static rlkd_tensor floats(FloatPointer data, long... shape) {
    return tensor(data, RLKD_DTYPE_FLOAT, 32, shape);
  }

  private static rlkd_tensor longs(LongPointer data, long... shape) {
    return tensor(data, RLKD_DTYPE_INT, 64, shape);
  }

  private static rlkd_context on(int backend) {
    rlkd_context context = new rlkd_context();
    context.backend(backend);
    return context;
  }

  @Test
  void structsHaveTheSizesOfTheHeader() {
    assertThat(new rlkd_tensor().sizeof()).as("DLTensor of DLPack").isEqualTo(48);
    assertThat(new rlkd_device().sizeof()).isEqualTo(8);
    assertThat(new rlkd_dtype().sizeof()).isEqualTo(4);
    assertThat(new rlkd_context().sizeof()).isEqualTo(16);
    assertThat(new rlkd_adamw_options().sizeof()).isEqualTo(48);
    assertThat(new rlkd_sampling_inputs().sizeof()).isEqualTo(80);
  }

  @Test
  void aNewStructIsZero() {
    rlkd_tensor tensor = new rlkd_tensor();
    assertThat(tensor.data()).isNull();
    assertThat(tensor.strides()).isNull();
    assertThat(tensor.byte_offset()).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {RLKD_BACKEND_CPU, RLKD_BACKEND_REFERENCE})
  void logprobReadsAndWritesTheMemoryOfThePointersItself(int backend) {
    try (PointerScope scope = new PointerScope()) {
      // Two rows of three logits with a gap of one between them: p = 0.1, 0.2, 0.7 and 1/3 each.
      float[] rows = {0, (float) Math.log(2), (float) Math.log(7), Float.NaN, 5, 5, 5};
      FloatPointer logits = new FloatPointer(rows);
      FloatPointer logprob = new FloatPointer(2);
      FloatPointer entropy = new FloatPointer(2);
      FloatPointer logsumexp = new FloatPointer(2);
      rlkd_tensor view = floats(logits, 2, 3).strides(new LongPointer(4, 1));
      rlkd_tensor tokens = longs(new LongPointer(new long[] {1, 2}), 2);
      NativeLibrary.check(
          rlkd_logprob_forward(
              on(backend),
              view,
              tokens,
              1f,
              floats(logprob, 2),
              floats(entropy, 2),
              floats(logsumexp, 2),
              null,
              0));
      assertThat(logprob.get(0)).isCloseTo((float) Math.log(0.2), within(1e-6f));
      assertThat(logprob.get(1)).isCloseTo((float) Math.log(1 / 3.0), within(1e-6f));
      assertThat(entropy.get(1)).isCloseTo((float) Math.log(3), within(1e-6f));
      assertThat(logsumexp.get(0)).isCloseTo((float) Math.log(10), within(1e-6f));

      FloatPointer dlogprob = new FloatPointer(1f, 0f);
      NativeLibrary.check(
          rlkd_logprob_backward(
              on(backend),
              view,
              tokens,
              1f,
              floats(logsumexp, 2),
              null,
              floats(dlogprob, 2),
              null));
      float[] gradient = new float[7];
      logits.get(gradient);
      assertThat(gradient[0]).isCloseTo(-0.1f, within(1e-6f));
      assertThat(gradient[1]).isCloseTo(0.8f, within(1e-6f));
      assertThat(gradient[2]).isCloseTo(-0.7f, within(1e-6f));
      assertThat(gradient[3]).as("between the rows").isNaN();
      assertThat(new float[] {gradient[4], gradient[5], gradient[6]}).containsOnly(0f);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {RLKD_BACKEND_CPU, RLKD_BACKEND_REFERENCE})
  void adamwTakesAnArrayOfTensors(int backend) {
    try (PointerScope scope = new PointerScope()) {
      float[][] gradients = {{3}, {0, 4}};
      rlkd_tensor params = new rlkd_tensor(2);
      rlkd_tensor grads = new rlkd_tensor(2);
      rlkd_tensor expAvg = new rlkd_tensor(2);
      rlkd_tensor expAvgSq = new rlkd_tensor(2);
      FloatPointer[] param = new FloatPointer[2];
      for (int t = 0; t < 2; t++) {
        int n = gradients[t].length;
        param[t] = new FloatPointer(new float[n]);
        params.getPointer(t).put(floats(param[t], n));
        grads.getPointer(t).put(floats(new FloatPointer(gradients[t]), n));
        expAvg.getPointer(t).put(floats(new FloatPointer(new float[n]), n));
        expAvgSq.getPointer(t).put(floats(new FloatPointer(new float[n]), n));
      }
      FloatPointer norm = new FloatPointer(1);
      NativeLibrary.check(rlkd_grad_norm(on(backend), grads, 2, floats(norm, 1), null, 0));
      assertThat(norm.get()).isEqualTo(5f);

      rlkd_adamw_options options =
          new rlkd_adamw_options()
              .learning_rate(0.01)
              .beta1(0.9)
              .beta2(0.999)
              .epsilon(1e-8)
              .max_grad_norm(1)
              .step(1);
      IntPointer skipped = new IntPointer(1).put(-1);
      NativeLibrary.check(
          rlkd_adamw(
              on(backend),
              params,
              null,
              grads,
              expAvg,
              expAvgSq,
              new DoublePointer(0, 0),
              2,
              options,
              floats(norm, 1),
              skipped));
      assertThat(skipped.get()).isZero();
      assertThat(param[0].get(0)).isCloseTo(-0.01f, within(1e-6f));
      assertThat(param[1].get(0)).isZero();
      assertThat(param[1].get(1)).isCloseTo(-0.01f, within(1e-6f));
    }
  }

  @Test
  void aRefusedTensorIsNamedWithBothValues() {
    try (PointerScope scope = new PointerScope()) {
      rlkd_tensor logits = floats(new FloatPointer(6), 2, 3);
      rlkd_tensor tokens = longs(new LongPointer(3), 3);
      rlkd_tensor out = floats(new FloatPointer(2), 2);
      NativeException thrown =
          catchThrowableOfType(
              NativeException.class,
              () ->
                  NativeLibrary.check(
                      rlkd_logprob_forward(null, logits, tokens, 1f, out, null, out, null, 0)));
      assertThat(thrown)
          .hasMessage("rlkd_logprob_forward: tokens.shape[0] is 3, expected rows = 2");
      assertThat(thrown.status()).isEqualTo(RLKD_INVALID_ARGUMENT);
    }
  }
}
