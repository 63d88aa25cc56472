package org.rlkd.engine.policy;

import static org.bytedeco.pytorch.global.torch.empty_like;
import static org.rlkd.bindings.global.rlkd.RLKD_IMPORTANCE_SEQUENCE;
import static org.rlkd.bindings.global.rlkd.RLKD_IMPORTANCE_TOKEN;
import static org.rlkd.bindings.global.rlkd.RLKD_LOSS_BNPO;
import static org.rlkd.bindings.global.rlkd.RLKD_LOSS_CISPO;
import static org.rlkd.bindings.global.rlkd.RLKD_LOSS_DAPO;
import static org.rlkd.bindings.global.rlkd.RLKD_LOSS_DR_GRPO;
import static org.rlkd.bindings.global.rlkd.RLKD_LOSS_GRPO;
import static org.rlkd.bindings.global.rlkd.RLKD_LOSS_LUSPO;
import static org.rlkd.bindings.global.rlkd.RLKD_LOSS_SAPO;
import static org.rlkd.bindings.global.rlkd.RLKD_LOSS_VESPO;
import static org.rlkd.bindings.global.rlkd.rlkd_policy_loss;
import static org.rlkd.bindings.global.rlkd.rlkd_policy_loss_workspace_size;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_policy_loss_counters;
import org.rlkd.bindings.rlkd_policy_loss_inputs;
import org.rlkd.bindings.rlkd_policy_loss_options;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/**
 * The loss of TRL's GRPOTrainer and its gradient, every {@code loss_type}: {@code rlkd_policy_loss}
 * on LibTorch tensors. Formulas: docs/formulas.md.
 */
public final class PolicyLoss {
  /** Entries of {@link Result#figures}. */
  public static final int FIGURES = 1 + PolicyLossCounters.COUNT;

  private final PolicyLossOptions options;
  private final Device device;

  /**
   * @param device where the inputs are
   */
  public PolicyLoss(PolicyLossOptions options, Device device) {
    this.options = options;
    this.device = device;
  }

  /**
   * @param figures [{@link #FIGURES}] float64 on the device: the loss, then the counters in their
   *     order
   * @param dLogprob [B, T] float32, its gradient by {@code logprob}; exactly 0 where the mask is 0
   * @param dEntropy [B, T] float32, its gradient by {@code entropy}; null without an entropy bonus
   */
  public record Result(Tensor figures, Tensor dLogprob, Tensor dEntropy) {
    /** As TRL's {@code _compute_loss} returns it, after all divisions. Waits for the device. */
    public double loss() {
      return HostArrays.toDoubles(figures)[0];
    }

    /** Waits for the device. */
    public PolicyLossCounters counters() {
      return PolicyLossCounters.of(HostArrays.toDoubles(figures), 1);
    }
  }

  /**
   * Loss, gradient and counters of a micro-batch, or of a part of it. The result's tensors belong
   * to the caller's PointerScope.
   *
   * @param entropyCoefficient weight of the entropy bonus ({@link EntropyCoefficient#bonus}); 0:
   *     off
   */
  public Result compute(PolicyLossInputs inputs, LossScale scale, double entropyCoefficient) {
    Tensor figures = device.empty(ScalarType.Double, FIGURES);
    Tensor dLogprob = empty_like(inputs.logprob());
    Tensor dEntropy = entropyCoefficient == 0 ? null : empty_like(inputs.logprob());
    try (PointerScope scope = new PointerScope()) {
      rlkd_context context = device.context();
      rlkd_policy_loss_options nativeOptions = nativeOptions(scale, entropyCoefficient);
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(
          rlkd_policy_loss_workspace_size(
              context, inputs.logprob().size(0), inputs.logprob().size(1), nativeOptions, bytes));
      Tensor workspace = device.empty(ScalarType.Byte, bytes.get());
      Tensor counters = figures.narrow(0, 1, PolicyLossCounters.COUNT);
      NativeLibrary.check(
          rlkd_policy_loss(
              context,
              nativeInputs(inputs),
              nativeOptions,
              TensorView.of(figures.narrow(0, 0, 1)),
              TensorView.of(dLogprob),
              TensorView.of(dEntropy),
              new rlkd_policy_loss_counters(counters.data_ptr()),
              workspace.data_ptr(),
              bytes.get()));
    }
    return new Result(figures, dLogprob, dEntropy);
  }

  private static rlkd_policy_loss_inputs nativeInputs(PolicyLossInputs inputs) {
    return new rlkd_policy_loss_inputs()
        .logprob(TensorView.of(inputs.logprob()))
        .entropy(TensorView.of(inputs.entropy()))
        .old_logprob(TensorView.of(inputs.oldLogprob()))
        .ref_logprob(TensorView.of(inputs.refLogprob()))
        .sampler_logprob(TensorView.of(inputs.samplerLogprob()))
        .importance_ratio(TensorView.of(inputs.importanceRatio()))
        .mask(TensorView.of(inputs.mask()))
        .advantages(TensorView.of(inputs.advantages()));
  }

  private rlkd_policy_loss_options nativeOptions(LossScale scale, double entropyCoefficient) {
    return new rlkd_policy_loss_options()
        .loss_type(
            switch (options.lossType()) {
              case GRPO -> RLKD_LOSS_GRPO;
              case BNPO -> RLKD_LOSS_BNPO;
              case DR_GRPO -> RLKD_LOSS_DR_GRPO;
              case DAPO -> RLKD_LOSS_DAPO;
              case CISPO -> RLKD_LOSS_CISPO;
              case SAPO -> RLKD_LOSS_SAPO;
              case LUSPO -> RLKD_LOSS_LUSPO;
              case VESPO -> RLKD_LOSS_VESPO;
            })
        .importance_level(
            switch (options.importanceSamplingLevel()) {
              case TOKEN -> RLKD_IMPORTANCE_TOKEN;
              case SEQUENCE -> RLKD_IMPORTANCE_SEQUENCE;
            })
        .epsilon(options.epsilon())
        .epsilon_high(options.epsilonHigh())
        .delta(options.delta().orElse(Double.NaN))
        .beta(options.beta())
        .bias_correction_kl(options.useBiasCorrectionKl() ? 1 : 0)
        .training(scale.training() ? 1 : 0)
        .sapo_temperature_pos(options.sapoTemperaturePos())
        .sapo_temperature_neg(options.sapoTemperatureNeg())
        .vespo_k_pos(options.vespoKPos())
        .vespo_lambda_pos(options.vespoLambdaPos())
        .vespo_k_neg(options.vespoKNeg())
        .vespo_lambda_neg(options.vespoLambdaNeg())
        .off_policy_threshold(options.offPolicyMaskThreshold().orElse(Double.NaN))
        .top_entropy_quantile(options.topEntropyQuantile())
        .entropy_coefficient(entropyCoefficient)
        .accumulation_steps(scale.accumulationSteps())
        .steps_per_generation(scale.stepsPerGeneration())
        .num_items_in_batch(scale.numItemsInBatch())
        .num_processes(scale.numProcesses())
        .max_completion_length(scale.maxCompletionLength())
        .batch_sequences(scale.batchSequences())
        .batch_tokens(scale.batchTokens());
  }
}
