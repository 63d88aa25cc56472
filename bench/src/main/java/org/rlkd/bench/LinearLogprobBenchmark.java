package org.rlkd.bench;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.training.StreamingLogprob;

/**
 * The head, linear_logprob on the CPU: log-probs of a head whose logits are never stored, and the
 * gradients by hidden states and head, in one pass with three matrix products.
 */
@State(Scope.Benchmark)
public class LinearLogprobBenchmark implements Workload {
  private static final long CHECKED_ROWS = 8;

  /** rows x hidden x vocabulary. */
  @Param({"256x576x8192", "1024x896x151936", "4096x576x49152"})
  public String shape;

  private StreamingLogprob head;
  private Tensor hidden;
  private Tensor weight;
  private Tensor tokens;
  private Tensor dLogprob;
  private Tensor dWeight;

  /** Three products, and a head that is read twice and whose gradient is read and written. */
  @Override
  public Work work() {
    long[] size = Shape.of(shape);
    return new Work(
        4.0 * (4 * size[1] * size[2] + 3 * size[0] * size[1]),
        6.0 * Shape.elements(shape),
        size[0]);
  }

  @Setup
  public void setUp() {
    Threads.apply();
    long[] size = Shape.of(shape);
    Inputs inputs = new Inputs(21);
    hidden = inputs.normal(1, size[0], size[1]);
    weight = inputs.normal(1 / Math.sqrt(size[1]), size[2], size[1]);
    tokens = inputs.integers(size[2], size[0]);
    dLogprob = inputs.normal(1, size[0]);
    dWeight = torch.zeros(size[2], size[1]);
    head = new StreamingLogprob(Device.CPU);
    verify();
  }

  /** Against double-precision autograd of the first rows. */
  private void verify() {
    try (PointerScope scope = new PointerScope()) {
      Tensor rows = hidden.narrow(0, 0, CHECKED_ROWS);
      Tensor h = rows.to(ScalarType.Double).requires_grad_(true);
      Tensor w = weight.to(ScalarType.Double).requires_grad_(true);
      Tensor logprob =
          torch
              .log_softmax(h.mm(w.t()), -1, new ScalarTypeOptional())
              .gather(1, tokens.narrow(0, 0, CHECKED_ROWS).unsqueeze(1))
              .squeeze(1);
      logprob.mul(dLogprob.narrow(0, 0, CHECKED_ROWS).to(ScalarType.Double)).sum().backward();
      Tensor gradient = torch.zeros(weight.size(0), weight.size(1));
      double[][] found = new double[1][];
      Tensor dHidden =
          head.forwardBackward(
              rows,
              weight,
              tokens.narrow(0, 0, CHECKED_ROWS),
              1,
              new long[] {CHECKED_ROWS},
              (from, to, tile) -> {
                found[0] = HostArrays.toDoubles(tile.logprob());
                return new StreamingLogprob.RowGradient(dLogprob.narrow(0, from, to - from), null);
              },
              gradient);
      Verification.equal("logprob", found[0], HostArrays.toDoubles(logprob), 1e-5, 1e-5);
      Verification.equal(
          "dhidden", HostArrays.toDoubles(dHidden), HostArrays.toDoubles(h.grad()), 1e-5, 1e-5);
      Verification.equal(
          "dweight", HostArrays.toDoubles(gradient), HostArrays.toDoubles(w.grad()), 1e-5, 1e-5);
    }
  }

  @TearDown
  public void tearDown() {
    head.close();
  }

  @Benchmark
  public void linear_logprob(MachineLimit limit) {
    try (PointerScope scope = new PointerScope()) {
      head.forwardBackward(
          hidden,
          weight,
          tokens,
          1,
          head.evenCuts(hidden.size(0), weight.size(0)),
          (from, to, tile) ->
              new StreamingLogprob.RowGradient(dLogprob.narrow(0, from, to - from), null),
          dWeight);
    }
  }

  /** What the head cannot do without: logits, their products with head and hidden states. */
  void products() {
    try (PointerScope scope = new PointerScope()) {
      long[] cuts = head.evenCuts(hidden.size(0), weight.size(0));
      Tensor transposed = weight.t();
      Tensor logits = torch.empty(cuts[0], weight.size(0));
      Tensor dHidden = torch.empty_like(hidden);
      long from = 0;
      for (long to : cuts) {
        Tensor tile = hidden.narrow(0, from, to - from);
        Tensor scores = logits.narrow(0, 0, to - from);
        torch.mm_out(scores, tile, transposed);
        torch.mm_out(dHidden.narrow(0, from, to - from), scores, weight);
        dWeight.addmm_(scores.t(), tile);
        from = to;
      }
    }
  }
}
