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
import org.rlkd.core.config.SamplerRatioConfig;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.TrainingPass;
import org.rlkd.engine.policy.LossScale;
import org.rlkd.engine.policy.PolicyLoss;
import org.rlkd.engine.policy.PolicyLossCounters;
import org.rlkd.engine.policy.PolicyLossInputs;
import org.rlkd.engine.policy.SamplerRatio;
import org.rlkd.engine.policy.SamplerRatioCounters;
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
    this(model, options, BatchParts.of(options.memory()));
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
    private final List<Part> parts = new ArrayList<>();
    private Tensor deviceLoss;
    private double loss;
    private PolicyLossCounters counters;
    private final LogprobAgreement agreement = new LogprobAgreement();
    private SamplerRatioCounters ratios;

    /**
     * What the figures of a part have besides those of the loss.
     *
     * @param comparedRows rows of {@link LogprobAgreement}; 0: none
     * @param hasRatio whether those of {@link SamplerRatio} follow
     */
    private record Part(long comparedRows, boolean hasRatio) {}

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
        TensorVector all = new TensorVector();
        figures.forEach(all::push_back);
        values = HostArrays.toDoubles(torch.cat(all));
      }
      int at = 0;
      for (Part part : parts) {
        loss += values[at];
        PolicyLossCounters more = PolicyLossCounters.of(values, at + 1);
        counters = counters == null ? more : counters.plus(more);
        at += PolicyLoss.FIGURES;
        if (part.comparedRows() > 0) {
          agreement.add(values, at, part.comparedRows());
          at += LogprobAgreement.FIGURES;
        }
        if (part.hasRatio()) {
          SamplerRatioCounters found = SamplerRatioCounters.of(values, at);
          ratios = ratios == null ? found : ratios.plus(found);
          at += SamplerRatioCounters.COUNT;
        }
      }
    }

    /** The loss after {@link #read}. */
    double loss() {
      return loss;
    }

    /** Mean entropy after {@link #read}, nats; 0 of no tokens, as in TRL. */
    double entropy() {
      return counters == null ? 0 : counters.entropySum() / Math.max(counters.tokens(), 1);
    }

    /** Metrics by TRL's names. */
    Map<String, Double> metrics(GrpoOptions options) {
      Map<String, Double> metrics = new LinkedHashMap<>();
      metrics.put("loss", loss);
      if (counters != null) {
        metrics.putAll(counters.metrics(options.loss().lossType(), options.loss().beta()));
      }
      if (options.entropyBonus().isOn()) {
        metrics.put("policy_loss", counters == null ? 0 : counters.policyLoss());
      }
      metrics.putAll(agreement.metrics());
      if (ratios != null) {
        metrics.putAll(ratios.metrics());
      }
      return metrics;
    }

    /**
     * Adds the figures of a part.
     *
     * @param compared of {@link LogprobAgreement#measure}; null = not measured
     * @param rows that were compared
     * @param ratio null = none
     */
    private void add(
        PolicyLoss.Result result, Tensor compared, long rows, SamplerRatio.Result ratio) {
      keep(result.figures());
      if (compared != null) {
        keep(compared);
      }
      if (ratio != null) {
        keep(ratio.figures());
      }
      parts.add(new Part(compared == null ? 0 : rows, ratio != null));
      Tensor partLoss = result.figures().narrow(0, 0, 1);
      if (deviceLoss == null) {
        deviceLoss = partLoss.clone().retainReference();
      } else {
        deviceLoss.add_(partLoss);
      }
    }

    /** Adds the counters of other sums, after their {@link #read}, for the metrics. */
    void include(Sums other) {
      if (other.counters != null) {
        counters = counters == null ? other.counters : counters.plus(other.counters);
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
   * @param entropyCoefficient weight of the entropy bonus; 0: none
   */
  void accumulate(
      List<Rollout> microBatch,
      long itemsInBatch,
      boolean fresh,
      double entropyCoefficient,
      Sums sums) {
    List<Rollout> active = microBatch.stream().filter(this::contributes).toList();
    if (active.isEmpty()) {
      return;
    }
    LossScale scale =
        new LossScale(
            true,
            options.batch().gradientAccumulationSteps(),
            options.batch().stepsPerGeneration(),
            itemsInBatch,
            1,
            options.sampling().maxNewTokens(),
            microBatch.size(),
            trainedTokens(microBatch));
    for (List<Rollout> part : parts(active)) {
      try (PointerScope scope = new PointerScope()) {
        accumulatePart(part, scale, fresh, entropyCoefficient, sums);
      }
    }
  }

  /**
   * Adds the figures of an evaluation batch's loss, as TRL's {@code prediction_step} has it.
   *
   * @param batch the whole batch
   * @param entropyCoefficient weight of the entropy bonus; 0: none
   */
  void evaluate(List<Rollout> batch, double entropyCoefficient, Sums sums) {
    List<Rollout> counted = batch.stream().filter(r -> r.trainedTokens() > 0).toList();
    long tokens = trainedTokens(batch);
    LossScale scale =
        new LossScale(
            false, 1, 1, tokens, 1, options.sampling().maxNewTokens(), batch.size(), tokens);
    try (NoGradGuard noGrad = new NoGradGuard()) {
      for (List<Rollout> part : counted.isEmpty() ? List.<List<Rollout>>of() : parts(counted)) {
        try (PointerScope scope = new PointerScope()) {
          PackedBatch packed = PackedBatch.ofRollouts(part, model);
          Rows rows =
              head.forward(
                  packed.hiddenRows(model),
                  model.headWeight(),
                  packed.targets(),
                  (float) options.sampling().temperature());
          CompletionGrid grid = CompletionGrid.of(part, model.device());
          sums.add(
              loss.compute(inputs(part, grid, rows, null), scale, entropyCoefficient),
              null,
              0,
              null);
        }
      }
    }
  }

  private static long trainedTokens(List<Rollout> batch) {
    return batch.stream().mapToLong(Rollout::trainedTokens).sum();
  }

  private void accumulatePart(
      List<Rollout> part, LossScale scale, boolean fresh, double entropyCoefficient, Sums sums) {
    PackedBatch batch = PackedBatch.ofRollouts(part, model);
    TrainingPass pass = batch.trainingPass(model, options.memory());
    Tensor hidden = pass.hiddenRows();
    long rowCount = hidden.size(0);
    CompletionGrid grid = CompletionGrid.of(part, model.device());
    StreamingLogprob.TileLoss gradient =
        (from, to, rows) -> {
          SamplerRatio.Result ratio =
              options.samplerRatio().map(config -> ratio(part, grid, rows, config)).orElse(null);
          PolicyLossInputs inputs = inputs(part, grid, rows, ratio);
          Tensor compared =
              fresh && ratio == null
                  ? LogprobAgreement.measure(rows.logprob(), grid.rows(inputs.samplerLogprob()))
                  : null;
          PolicyLoss.Result result = loss.compute(inputs, scale, entropyCoefficient);
          sums.add(result, compared, rowCount, ratio);
          return new RowGradient(
              grid.rows(result.dLogprob()),
              result.dEntropy() == null ? null : grid.rows(result.dEntropy()));
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

  /** Where the policy has not moved on, its log-probs of now are those of the sampling policy. */
  private static SamplerRatio.Result ratio(
      List<Rollout> part, CompletionGrid grid, Rows rows, SamplerRatioConfig config) {
    Tensor old = grid.ofRollouts(part, Rollout::oldLogprobs);
    return SamplerRatio.compute(
        old == null ? grid.spread(rows.logprob()) : old,
        grid.ofRollouts(part, Rollout::samplerLogprobs),
        grid.mask(),
        config);
  }

  private PolicyLossInputs inputs(
      List<Rollout> part, CompletionGrid grid, Rows rows, SamplerRatio.Result ratio) {
    return new PolicyLossInputs(
        grid.spread(rows.logprob()),
        grid.spread(rows.entropy()),
        grid.ofRollouts(part, Rollout::oldLogprobs),
        grid.ofRollouts(part, Rollout::refLogprobs),
        grid.ofRollouts(part, Rollout::samplerLogprobs),
        ratio == null ? null : ratio.ratio(),
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
            && !options.entropyBonus().isOn()
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
