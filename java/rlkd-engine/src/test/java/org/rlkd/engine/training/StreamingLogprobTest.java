package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.training.StreamingLogprob.RowGradient;
import org.rlkd.engine.training.StreamingLogprob.Rows;

/** Against float64 autograd over the full logits. */
class StreamingLogprobTest {
  /** float32 sums of up to 300 products of size 1. */
  private static final double TOLERANCE = 2e-5;

  private static final float TEMPERATURE = 0.7f;

  private final SplittableRandom random = new SplittableRandom(20);

  @ParameterizedTest(name = "{0} rows, vocabulary {1}, hidden {2}, tiles of {3} rows")
  @CsvSource({
    "1, 1, 1, 1",
    "1, 7, 3, 4",
    "5, 11, 4, 1",
    "12, 300, 16, 4",
    "13, 257, 16, 4",
    "40, 33, 8, 100",
  })
  void both_passes_and_the_single_pass_agree_with_autograd(
      int count, int vocab, int width, int tileRows) {
    try (PointerScope scope = new PointerScope();
        StreamingLogprob head =
            new StreamingLogprob(Device.CPU, (long) tileRows * vocab * Float.BYTES)) {
      assertThat(head.tileRows(vocab)).isEqualTo(tileRows);
      Tensor hidden = normal(count, width);
      Tensor weight = normal(vocab, width);
      Tensor dLogprob = normal(count);
      Tensor dEntropy = normal(count);
      Tensor tokens =
          HostArrays.longs(
              IntStream.range(0, count).mapToLong(i -> random.nextInt(vocab)).toArray(), count);
      Tensor before = normal(vocab, width);

      Tensor hidden64 = hidden.to(ScalarType.Double).set_requires_grad(true);
      Tensor weight64 = weight.to(ScalarType.Double).set_requires_grad(true);
      Tensor logp =
          torch.log_softmax(
              hidden64.matmul(weight64.t()).div(new Scalar((double) TEMPERATURE)), -1);
      Tensor chosen = logp.gather(1, tokens.unsqueeze(1)).squeeze(1);
      Tensor entropy = logp.exp().mul(logp).sum(new long[] {1}).neg();
      chosen.mul(dLogprob).add(entropy.mul(dEntropy)).sum().backward();

      Rows rows = head.forward(hidden, weight, tokens, TEMPERATURE);
      assertClose(rows.logprob(), chosen);
      assertClose(rows.entropy(), entropy);

      RowGradient gradient = new RowGradient(dLogprob, dEntropy);
      Tensor headGrad = before.clone();
      Tensor dHidden = head.backward(hidden, weight, tokens, TEMPERATURE, rows, gradient, headGrad);
      assertClose(dHidden, hidden64.grad());
      assertClose(headGrad.sub(before), weight64.grad());

      Tensor headGradOnePass = before.clone();
      Tensor dHiddenOnePass =
          head.forwardBackward(
              hidden,
              weight,
              tokens,
              TEMPERATURE,
              head.evenCuts(count, vocab),
              (from, to, tile) -> {
                assertClose(tile.logprob(), chosen.narrow(0, from, to - from));
                return new RowGradient(
                    dLogprob.narrow(0, from, to - from), dEntropy.narrow(0, from, to - from));
              },
              headGradOnePass);
      assertClose(dHiddenOnePass, hidden64.grad());
      assertClose(headGradOnePass.sub(before), weight64.grad());
    }
  }

  @Test
  void a_row_without_gradient_adds_nothing() {
    try (PointerScope scope = new PointerScope();
        StreamingLogprob head = new StreamingLogprob(Device.CPU)) {
      Tensor hidden = normal(3, 4);
      Tensor weight = normal(9, 4);
      Tensor tokens = HostArrays.longs(new long[] {1, 2, 3}, 3);
      Tensor headGrad = torch.zeros(9, 4);
      Rows rows = head.forward(hidden, weight, tokens, 1);
      Tensor dLogprob = HostArrays.floats(new float[] {0, 1, 0}, 3);
      Tensor dHidden =
          head.backward(hidden, weight, tokens, 1, rows, new RowGradient(dLogprob, null), headGrad);
      assertThat(HostArrays.toFloats(dHidden.select(0, 0))).containsOnly(0f);
      assertThat(HostArrays.toFloats(dHidden.select(0, 2))).containsOnly(0f);
      assertThat(HostArrays.toFloats(dHidden.select(0, 1))).doesNotContain(0f);
    }
  }

  @Test
  void a_tile_beyond_the_memory_budget_is_refused() {
    try (PointerScope scope = new PointerScope();
        StreamingLogprob head = new StreamingLogprob(Device.CPU, 2 * 9 * Float.BYTES)) {
      Tensor hidden = normal(3, 4);
      Tensor weight = normal(9, 4);
      Tensor tokens = HostArrays.longs(new long[] {1, 2, 3}, 3);
      assertThatThrownBy(
              () ->
                  head.forwardBackward(
                      hidden,
                      weight,
                      tokens,
                      1,
                      new long[] {3},
                      (from, to, tile) -> new RowGradient(tile.logprob(), null),
                      torch.zeros(9, 4)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("3 rows");
    }
  }

  private Tensor normal(int... shape) {
    int count = IntStream.of(shape).reduce(1, (a, b) -> a * b);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return HostArrays.floats(values, IntStream.of(shape).asLongStream().toArray());
  }

  private static void assertClose(Tensor actual, Tensor expected) {
    double[] found = HostArrays.toDoubles(actual);
    double[] wanted = HostArrays.toDoubles(expected);
    assertThat(found).hasSameSizeAs(wanted);
    for (int i = 0; i < found.length; i++) {
      assertThat(found[i])
          .as("element %d", i)
          .isCloseTo(wanted[i], within(TOLERANCE * Math.max(1, Math.abs(wanted[i]))));
    }
  }
}
