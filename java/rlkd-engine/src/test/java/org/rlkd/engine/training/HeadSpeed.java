package org.rlkd.engine.training;

import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.engine.tensor.CpuThreads;
import org.rlkd.engine.tensor.Device;

/**
 * Times the head and a token-local loss, forward and backward, beside the three matrix products
 * that they cannot do without, in turns, by {@link StreamingLogprob#forwardBackward}.
 *
 * <pre>
 * HeadSpeed rows hidden vocab [rounds] [threads] [budget in MiB]
 * </pre>
 */
final class HeadSpeed {
  public static void main(String[] arguments) {
    int[] numbers = Arrays.stream(arguments).mapToInt(Integer::parseInt).toArray();
    int rows = numbers[0];
    int width = numbers[1];
    int vocab = numbers[2];
    int rounds = numbers.length > 3 ? numbers[3] : 3;
    if (numbers.length > 4) {
      CpuThreads.set(numbers[4]);
    }
    long budget = numbers.length > 5 ? (long) numbers[5] << 20 : StreamingLogprob.DEFAULT_BUDGET;
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false);
        StreamingLogprob head = new StreamingLogprob(Device.CPU, budget)) {
      Tensor hidden = torch.randn(rows, width);
      Tensor weight = torch.randn(vocab, width).mul_(new org.bytedeco.pytorch.Scalar(0.05));
      SplittableRandom random = new SplittableRandom(1);
      Tensor tokens = Device.CPU.longs(random.longs(rows, 0, vocab).toArray(), rows);
      Tensor gradient = torch.randn(rows);
      Tensor headGradient = torch.zeros(vocab, width);
      long[] cuts = head.evenCuts(rows, vocab);
      double[] products = new double[rounds];
      double[] streamed = new double[rounds];
      for (int round = 0; round < rounds; round++) {
        products[round] = seconds(() -> threeProducts(hidden, weight, cuts, headGradient));
        streamed[round] =
            seconds(
                () ->
                    head.forwardBackward(
                        hidden,
                        weight,
                        tokens,
                        1,
                        cuts,
                        (from, to, tile) ->
                            new StreamingLogprob.RowGradient(
                                gradient.narrow(0, from, to - from), null),
                        headGradient));
      }
      Arrays.sort(products);
      Arrays.sort(streamed);
      double flops = 6.0 * rows * width * vocab;
      System.out.printf(
          Locale.ROOT,
          "[%d, %d] x %d, %d tiles, %d threads, %d rounds: three products %.2f s (median %.2f; %.0f GFLOP/s), head and loss %.2f s (median %.2f): %.2f of the products' rate%n",
          rows,
          width,
          vocab,
          cuts.length,
          CpuThreads.count(),
          rounds,
          products[0],
          products[rounds / 2],
          flops / products[0] / 1e9,
          streamed[0],
          streamed[rounds / 2],
          products[0] / streamed[0]);
    }
  }

  /** Logits, their products with the head and with the hidden states, tile by tile. */
  private static void threeProducts(
      Tensor hidden, Tensor weight, long[] cuts, Tensor headGradient) {
    Tensor transposed = weight.t();
    Tensor logits = torch.empty(cuts[0], weight.size(0));
    Tensor hiddenGradient = torch.empty_like(hidden);
    long from = 0;
    for (long to : cuts) {
      Tensor tile = hidden.narrow(0, from, to - from);
      Tensor scores = logits.narrow(0, 0, to - from);
      torch.mm_out(scores, tile, transposed);
      torch.mm_out(hiddenGradient.narrow(0, from, to - from), scores, weight);
      headGradient.addmm_(scores.t(), tile);
      from = to;
    }
  }

  private static double seconds(Runnable work) {
    try (PointerScope scope = new PointerScope()) {
      var system =
          (com.sun.management.OperatingSystemMXBean)
              java.lang.management.ManagementFactory.getOperatingSystemMXBean();
      long start = system.getProcessCpuTime();
      work.run();
      return (system.getProcessCpuTime() - start) / 1e9;
    }
  }

  private HeadSpeed() {}
}
