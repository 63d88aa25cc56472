package org.rlkd.engine.training;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.TrainingPass;
import org.rlkd.engine.policy.LossScale;
import org.rlkd.engine.policy.PolicyLoss;
import org.rlkd.engine.policy.PolicyLossCounters;
import org.rlkd.engine.policy.PolicyLossInputs;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.training.StreamingLogprob.RowGradient;
import org.rlkd.engine.training.StreamingLogprob.Rows;

/**
 * Log-probs of rollouts under a model, and the gradient of the policy loss on its parameters.
 *
 * <p>A micro-batch goes through the network in parts (see {@link BatchParts}); a part is one tile
 * of the streaming head, so that log-probs, loss and gradient are one pass with three matrix
 * products, unless one completion alone is larger than a tile.
 */
final class PolicyUpdate implements AutoCloseable {
  private final CausalLm model;
  private final GrpoOptions options;
  private final PolicyLoss loss;
  private final StreamingLogprob head;
  private final BatchParts parts;

  PolicyUpdate(CausalLm model, GrpoOptions options) {
    this(model, options, BatchParts.of(model.config(), options.memory()));
  }

  /**
   * @param parts how much goes through the network at once
   */
  PolicyUpdate(CausalLm model, GrpoOptions options, BatchParts parts) {
    this.parts = parts;
    this.model = model;
    this.options = options;
    this.loss = new PolicyLoss(options.loss(), model.device());
    this.head = new StreamingLogprob(model.device(), options.memory().logits());
  }

  /**
   * Sums over the micro-batches of an optimizer step. They stay on the device until {@link #read},
   * so that the steps of an update follow each other without waiting.
   */
  static final class Sums implements AutoCloseable {
    private final List<Tensor> figures = new ArrayList<>();
    private final List<Long> comparedRows = new ArrayList<>();
    private Tensor deviceLoss;
    private double loss;
    private PolicyLossCounters counters;
    private final LogprobAgreement agreement = new LogprobAgreement();

    /** [1] float64 on the device; null if nothing was added. */
    Tensor deviceLoss() {
      return deviceLoss;
    }

    /** Waits for the device. */
    void read() {
      if (figures.isEmpty()) {
        return;
      }
      double[] values;
      try (PointerScope scope = new PointerScope()) {
        TensorVector parts = new TensorVector();
        figures.forEach(parts::push_back);
        values = HostArrays.toDoubles(torch.cat(parts));
      }
      int at = 0;
      for (long rows : comparedRows) {
        loss += values[at];
        PolicyLossCounters part = PolicyLossCounters.of(values, at + 1);
        counters = counters == null ? part : counters.plus(part);
        at += PolicyLoss.FIGURES;
        if (rows > 0) {
          agreement.add(values, at, rows);
          at += LogprobAgreement.FIGURES;
        }
      }
    }

    /** The loss after {@link #read}. */
    double loss() {
      return loss;
    }

    /** Metrics by TRL's names. */
    Map<String, Double> metrics(GrpoOptions options) {
      Map<String, Double> metrics = new LinkedHashMap<>();
      metrics.put("loss", loss);
      if (counters != null) {
        metrics.putAll(counters.metrics(options.loss().lossType(), options.loss().beta()));
      }
      metrics.putAll(agreement.metrics());
      return metrics;
    }

    /**
     * Adds the figures of a part.
     *
     * @param compared of {@link LogprobAgreement#measure}; null = not measured
     * @param rows that were compared
     */
    private void add(PolicyLoss.Result result, Tensor compared, long rows) {
      keep(result.figures());
      if (compared != null) {
        keep(compared);
      }
      comparedRows.add(compared == null ? 0 : rows);
      Tensor partLoss = result.figures().narrow(0, 0, 1);
      if (deviceLoss == null) {
        deviceLoss = partLoss.clone().retainReference();
      } else {
        deviceLoss.add_(partLoss);
      }
    }

    private void keep(Tensor tensor) {
      tensor.retainReference();
      figures.add(tensor);
    }

    @Override
    public void close() {
      figures.forEach(Tensor::releaseReference);
      if (deviceLoss != null) {
        deviceLoss.releaseReference();
      }
    }
  }

  /**
   * Adds the gradient of a micro-batch's loss to the parameters' gradients.
   *
   * @param microBatch all its rollouts, also those that have no part in the loss
   * @param itemsInBatch loss tokens of the generation batch
   * @param fresh whether the policy is still the one that sampled: then its log-probs are compared
   *     with the sampler's
   */
  void accumulate(List<Rollout> microBatch, long itemsInBatch, boolean fresh, Sums sums) {
    List<Rollout> active = microBatch.stream().filter(this::contributes).toList();
    if (active.isEmpty()) {
      return;
    }
    long tokens = microBatch.stream().mapToLong(Rollout::trainedTokens).sum();
    LossScale scale =
        new LossScale(
            true,
            options.batch().gradientAccumulationSteps(),
            options.batch().stepsPerGeneration(),
            itemsInBatch,
            1,
            options.sampling().maxNewTokens(),
            microBatch.size(),
            tokens);
    for (List<Rollout> part : parts(active)) {
      try (PointerScope scope = new PointerScope()) {
        accumulatePart(part, scale, fresh, sums);
      }
    }
  }

  private void accumulatePart(List<Rollout> part, LossScale scale, boolean fresh, Sums sums) {
    PackedBatch batch = PackedBatch.ofRollouts(part, model);
    TrainingPass pass = batch.trainingPass(model, options.memory());
    Tensor hidden = pass.hiddenRows();
    long rowCount = hidden.size(0);
    CompletionGrid grid = CompletionGrid.of(part, model.device());
    StreamingLogprob.TileLoss gradient =
        (from, to, rows) -> {
          PolicyLossInputs inputs = inputs(part, grid, rows);
          Tensor compared =
              fresh
                  ? LogprobAgreement.measure(rows.logprob(), grid.rows(inputs.samplerLogprob()))
                  : null;
          PolicyLoss.Result result = loss.compute(inputs, scale, 0);
          sums.add(result, compared, rowCount);
          return new RowGradient(grid.rows(result.dLogprob()), null);
        };
    Tensor weight = model.headWeight();
    float temperature = (float) options.sampling().temperature();
    Tensor dHidden;
    if (rowCount <= head.tileRows(weight.size(0))) {
      dHidden =
          head.forwardBackward(
              hidden,
              weight,
              batch.targets(),
              temperature,
              new long[] {rowCount},
              gradient,
              model.headGradient());
    } else {
      Rows rows = head.forward(hidden, weight, batch.targets(), temperature);
      dHidden =
          head.backward(
              hidden,
              weight,
              batch.targets(),
              temperature,
              rows,
              gradient.gradient(0, rowCount, rows),
              model.headGradient());
    }
    pass.backward(dHidden);
  }

  private PolicyLossInputs inputs(List<Rollout> part, CompletionGrid grid, Rows rows) {
    return new PolicyLossInputs(
        grid.spread(rows.logprob()),
        grid.spread(rows.entropy()),
        grid.ofRollouts(part, Rollout::oldLogprobs),
        grid.ofRollouts(part, Rollout::refLogprobs),
        grid.ofRollouts(part, Rollout::samplerLogprobs),
        null,
        grid.mask(),
        grid.advantages(part));
  }

  /** Whether the rollout's gradient can be other than 0. */
  private boolean contributes(Rollout rollout) {
    if (rollout.trainedTokens() == 0) {
      return false;
    }
    boolean zeroGradient =
        rollout.advantage() == 0
            && options.loss().beta() == 0
            && options.loss().topEntropyQuantile() == 1;
    return !(zeroGradient && options.skipZeroAdvantages());
  }

  private List<List<Rollout>> parts(List<Rollout> rollouts) {
    return options.loss().topEntropyQuantile() < 1
        ? List.of(rollouts)
        : cut(rollouts, parts.withMostRows(head.tileRows(model.headWeight().size(0))));
  }

  private static List<List<Rollout>> cut(List<Rollout> rollouts, BatchParts parts) {
    return parts.cut(
        rollouts,
        rollout ->
            new BatchParts.Extent(
                IntBuffer.wrap(rollout.prompt()),
                rollout.completion().length,
                rollout.completion().length));
  }

  /**
   * Log-probs of the completion tokens under a model with the policy's vocabulary, without
   * gradients.
   *
   * @return by rollout; NaN for one that has no part in the update
   */
  List<float[]> logprobs(CausalLm scorer, List<Rollout> rollouts) {
    Map<Rollout, float[]> scored = new IdentityHashMap<>();
    List<Rollout> active = rollouts.stream().filter(this::contributes).toList();
    try (NoGradGuard noGrad = new NoGradGuard()) {
      for (List<Rollout> part : cut(active, parts)) {
        try (PointerScope scope = new PointerScope()) {
          PackedBatch batch = PackedBatch.ofRollouts(part, scorer);
          Rows rows =
              head.forward(
                  batch.hiddenRows(scorer),
                  scorer.headWeight(),
                  batch.targets(),
                  (float) options.sampling().temperature());
          List<float[]> values = CompletionGrid.split(part, rows.logprob());
          for (int i = 0; i < part.size(); i++) {
            scored.put(part.get(i), values.get(i));
          }
        }
      }
    }
    return rollouts.stream().map(r -> scored.getOrDefault(r, unknown(r))).toList();
  }

  private static float[] unknown(Rollout rollout) {
    float[] values = new float[rollout.completion().length];
    Arrays.fill(values, Float.NaN);
    return values;
  }

  @Override
  public void close() {
    head.close();
  }
}
