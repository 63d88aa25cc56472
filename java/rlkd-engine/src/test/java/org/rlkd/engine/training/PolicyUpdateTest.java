package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rlkd.core.config.EntropyBonusConfig;
import org.rlkd.core.config.LossType;
import org.rlkd.core.config.SamplerRatioConfig;
import org.rlkd.core.config.SamplerRatioMode;
import org.rlkd.engine.memory.MemoryOptions;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.policy.PolicyLossOptions;
import org.rlkd.engine.tensor.HostArrays;

class PolicyUpdateTest {
  /** float32 gradients of a norm about 1, summed in another order. */
  private static final double TOLERANCE = 1e-6;

  private final SplittableRandom random = new SplittableRandom(8);

  /** On the policy the ratio is 1, so the gradient of the loss is that of -sum A logp / (n_i B). */
  @Test
  void the_gradient_is_that_of_autograd_over_the_full_logits() {
    try (CausalLm model = TinyModels.qwen2(3);
        PointerScope scope = new PointerScope()) {
      List<Rollout> rollouts = rollouts(6);
      GrpoOptions options = TinyGrpo.options(1, LossType.GRPO);
      float temperature = (float) options.sampling().temperature();
      Tensor loss = torch.zeros(1);
      for (Rollout rollout : rollouts) {
        long[] tokens =
            IntStream.concat(Arrays.stream(rollout.prompt()), Arrays.stream(rollout.completion()))
                .asLongStream()
                .toArray();
        Tensor ids = HostArrays.longs(tokens, 1, tokens.length);
        Tensor logits = model.logits(model.hidden(ids, null)).div(new Scalar((double) temperature));
        int first = rollout.prompt().length;
        int count = rollout.completion().length;
        Tensor logprob =
            torch
                .log_softmax(logits.select(0, 0).narrow(0, first - 1, count), -1)
                .gather(1, ids.select(0, 0).narrow(0, first, count).unsqueeze(1))
                .sum();
        double weight =
            -rollout.advantage()
                / rollout.completion().length
                / rollouts.size()
                / options.batch().gradientAccumulationSteps();
        loss = loss.add(logprob.mul(new Scalar(weight)));
      }
      loss.backward();
      float[] expected = gradients(model);
      model.parameters().values().forEach(parameter -> parameter.mutable_grad().reset());
      assertClose(
          gradients(model, options, parts(500), rollouts, new PolicyUpdate.Sums()), expected);
    }
  }

  @ParameterizedTest
  @EnumSource(LossType.class)
  void parts_tiles_and_skipped_rows_do_not_change_loss_and_gradient(LossType lossType) {
    try (CausalLm model = TinyModels.qwen2(3)) {
      List<Rollout> rollouts = new ArrayList<>(rollouts(7));
      rollouts.set(2, advantage(rollouts.get(2), 0));
      rollouts.set(3, untrained(rollouts.get(3)));
      PolicyUpdate.Sums whole = new PolicyUpdate.Sums();
      float[] expected =
          gradients(model, options(lossType, 1 << 20, false), parts(100_000), rollouts, whole);
      long tenRows = 10L * TinyModels.VOCAB * Float.BYTES;
      long twoRows = 2L * TinyModels.VOCAB * Float.BYTES;
      assertSame(model, options(lossType, 1 << 20, false), parts(20), rollouts, whole, expected);
      assertSame(model, options(lossType, tenRows, false), parts(500), rollouts, whole, expected);
      assertSame(model, options(lossType, twoRows, true), parts(500), rollouts, whole, expected);
      assertSame(model, options(lossType, 1 << 20, true), parts(500), rollouts, whole, expected);
    }
  }

  /** On the policy the sampler's ratio is exp(logp - sampled); it has no gradient. */
  @ParameterizedTest
  @ValueSource(longs = {1 << 20, 2L * TinyModels.VOCAB * Float.BYTES})
  void entropy_bonus_and_sampler_ratio_have_the_gradient_of_autograd(long logitsBudget) {
    double coefficient = 0.3;
    double cap = 1.1;
    try (CausalLm model = TinyModels.qwen2(3);
        PointerScope scope = new PointerScope()) {
      List<Rollout> rollouts = new ArrayList<>(rollouts(6));
      rollouts.set(2, advantage(rollouts.get(2), 0));
      GrpoOptions options =
          with(
              options(LossType.GRPO, logitsBudget, true),
              new EntropyBonusConfig(coefficient, false, 0, 1, 0, 0),
              new SamplerRatioConfig(
                  SamplerRatioMode.TOKEN_TRUNCATE, Optional.empty(), Optional.of(cap)));
      double tokens = rollouts.stream().mapToInt(Rollout::trainedTokens).sum();
      Tensor loss = torch.zeros(1);
      double capped = 0;
      for (Rollout rollout : rollouts) {
        PackedBatch batch = PackedBatch.ofRollouts(List.of(rollout), model);
        Tensor logp = torch.log_softmax(model.logits(batch.hiddenRows(model)), -1);
        Tensor chosen = logp.gather(1, batch.targets().unsqueeze(1)).view(-1);
        Tensor ratio =
            chosen
                .detach()
                .sub(HostArrays.floats(rollout.samplerLogprobs(), rollout.completion().length))
                .exp();
        capped += ratio.gt(new Scalar(cap)).sum().item_double();
        ratio = ratio.clamp_max(new Scalar(cap));
        double weight = -rollout.advantage() / rollout.completion().length / rollouts.size();
        loss = loss.add(chosen.mul(ratio).sum().mul(new Scalar(weight)));
        Tensor entropy = logp.exp().mul(logp).sum().neg();
        loss = loss.add(entropy.mul(new Scalar(-coefficient / tokens)));
      }
      assertThat(capped).as("ratios above the cap").isPositive();
      loss.div(new Scalar((double) options.batch().gradientAccumulationSteps())).backward();
      float[] expected = gradients(model);
      model.parameters().values().forEach(parameter -> parameter.mutable_grad().reset());
      PolicyUpdate.Sums sums = new PolicyUpdate.Sums();
      assertClose(gradients(model, options, parts(20), rollouts, sums), expected);
      Map<String, Double> metrics = sums.metrics(options);
      assertThat(metrics.get("sampling/importance_sampling_ratio/max"))
          .isCloseTo(cap, within(1e-6));
      assertThat(metrics.get("policy_loss") - coefficient * metrics.get("entropy") / 2)
          .isCloseTo(metrics.get("loss"), within(1e-5));
    }
  }

  /** A sequence of negative advantage that has drifted from its sampler has no gradient. */
  @Test
  void the_off_policy_mask_leaves_out_what_drifted_and_has_a_negative_advantage() {
    try (CausalLm model = TinyModels.qwen2(3)) {
      List<Rollout> near = rollouts(4);
      List<Rollout> far = new ArrayList<>(near);
      for (int i = 0; i < far.size(); i++) {
        far.set(i, advantage(far.get(i), i == 1 ? -1 : 1));
      }
      List<Rollout> kept = new ArrayList<>(far);
      kept.set(1, untrained(far.get(1)));
      GrpoOptions masking = withThreshold(options(LossType.GRPO, 1 << 20, false), -5);
      float[] masked = gradients(model, masking, parts(500), far, new PolicyUpdate.Sums());
      float[] without =
          gradients(
              model,
              options(LossType.GRPO, 1 << 20, false),
              parts(500),
              kept,
              new PolicyUpdate.Sums());
      assertClose(masked, without);
      GrpoOptions lenient = withThreshold(masking, 100);
      float[] all = gradients(model, lenient, parts(500), far, new PolicyUpdate.Sums());
      assertThat(Arrays.equals(all, without)).as("the mask has an effect").isFalse();
    }
  }

  /** On the policy every ratio is 1: the loss of a sequence is -A. */
  @Test
  void an_evaluation_has_the_loss_of_trl_and_leaves_no_gradient() {
    try (CausalLm model = TinyModels.qwen2(3);
        PolicyUpdate update =
            new PolicyUpdate(model, options(LossType.GRPO, 1 << 20, true), parts(20));
        PolicyUpdate.Sums sums = new PolicyUpdate.Sums()) {
      List<Rollout> rollouts = new ArrayList<>(rollouts(5));
      rollouts.set(2, advantage(rollouts.get(2), 0));
      update.evaluate(rollouts, 0, sums);
      sums.read();
      double expected = rollouts.stream().mapToDouble(r -> -r.advantage()).average().orElseThrow();
      assertThat(sums.loss()).isCloseTo(expected, within(1e-6));
      assertThat(sums.entropy()).isBetween(3.0, Math.log(TinyModels.VOCAB));
      model.parameters().values().forEach(p -> assertThat(p.grad().defined()).isFalse());
    }
  }

  private static void assertSame(
      CausalLm model,
      GrpoOptions options,
      BatchParts parts,
      List<Rollout> rollouts,
      PolicyUpdate.Sums whole,
      float[] expected) {
    PolicyUpdate.Sums sums = new PolicyUpdate.Sums();
    assertClose(gradients(model, options, parts, rollouts, sums), expected);
    assertThat(sums.loss()).isCloseTo(whole.loss(), within(1e-6));
  }

  private static BatchParts parts(long mostTokens) {
    return new BatchParts(mostTokens, Long.MAX_VALUE);
  }

  /** The quantile is taken over the whole micro-batch, so nothing may be cut or skipped. */
  @Test
  void an_entropy_quantile_sees_the_whole_micro_batch_whatever_the_parts() {
    try (CausalLm model = TinyModels.qwen2(3)) {
      List<Rollout> rollouts = new ArrayList<>(rollouts(7));
      rollouts.set(2, advantage(rollouts.get(2), 0));
      rollouts.set(3, untrained(rollouts.get(3)));
      GrpoOptions one = withLoss(options(LossType.GRPO, 1 << 20, false), 0.5);
      GrpoOptions other =
          withLoss(options(LossType.GRPO, 2L * TinyModels.VOCAB * Float.BYTES, true), 0.5);
      PolicyUpdate.Sums whole = new PolicyUpdate.Sums();
      float[] expected = gradients(model, one, parts(100_000), rollouts, whole);
      assertSame(model, other, parts(20), rollouts, whole, expected);
      float[] all =
          gradients(
              model,
              options(LossType.GRPO, 1 << 20, false),
              parts(100_000),
              rollouts,
              new PolicyUpdate.Sums());
      assertThat(Arrays.equals(all, expected)).as("the quantile has an effect").isFalse();
    }
  }

  @Test
  void log_probs_of_rollouts_keep_their_order_and_agree_with_single_sequences() {
    try (CausalLm model = TinyModels.qwen2(3);
        PolicyUpdate update =
            new PolicyUpdate(model, options(LossType.DAPO, 1 << 20, false), parts(30))) {
      List<Rollout> rollouts = new ArrayList<>(rollouts(5));
      rollouts.set(1, untrained(rollouts.get(1)));
      List<float[]> all = update.logprobs(model, rollouts);
      for (int i = 0; i < rollouts.size(); i++) {
        float[] alone = update.logprobs(model, List.of(rollouts.get(i))).get(0);
        assertThat(all.get(i)).hasSize(rollouts.get(i).completion().length);
        if (i == 1) {
          assertThat(all.get(i)).containsOnly(Float.NaN);
        } else {
          for (int t = 0; t < alone.length; t++) {
            assertThat(all.get(i)[t]).isCloseTo(alone[t], within(1e-5f));
          }
        }
      }
    }
  }

  private List<Rollout> rollouts(int count) {
    List<Rollout> rollouts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] completion = tokens(1 + random.nextInt(9));
      float[] old = new float[completion.length];
      for (int t = 0; t < old.length; t++) {
        old[t] = (float) (-3.7 + 0.3 * random.nextGaussian());
      }
      rollouts.add(
          new Rollout(
              tokens(1 + random.nextInt(4)),
              completion,
              old.clone(),
              true,
              (float) random.nextGaussian(),
              null,
              null));
    }
    return rollouts;
  }

  private int[] tokens(int count) {
    return random.ints(count, 1, TinyModels.VOCAB).toArray();
  }

  private static Rollout advantage(Rollout r, float value) {
    return new Rollout(r.prompt(), r.completion(), r.samplerLogprobs(), true, value, null, null);
  }

  private static Rollout untrained(Rollout r) {
    return new Rollout(
        r.prompt(), r.completion(), r.samplerLogprobs(), false, r.advantage(), null, null);
  }

  private static GrpoOptions options(
      LossType lossType, long logitsBudget, boolean skipZeroAdvantages) {
    return GrpoOptionsDraft.change(
        TinyGrpo.options(1, lossType),
        draft -> {
          draft.skipZeroAdvantages = skipZeroAdvantages;
          draft.memory = MemoryOptions.DEFAULT.withLogits(logitsBudget);
        });
  }

  private static GrpoOptions withLoss(GrpoOptions o, double topEntropyQuantile) {
    return withLoss(o, TinyGrpo.loss(o.loss().lossType(), 0, topEntropyQuantile));
  }

  private static GrpoOptions withLoss(GrpoOptions o, PolicyLossOptions loss) {
    return GrpoOptionsDraft.change(o, draft -> draft.loss = loss);
  }

  private static GrpoOptions with(
      GrpoOptions o, EntropyBonusConfig entropyBonus, SamplerRatioConfig samplerRatio) {
    return GrpoOptionsDraft.change(
        o,
        draft -> {
          draft.samplerRatio = Optional.of(samplerRatio);
          draft.entropyBonus = entropyBonus;
        });
  }

  private static GrpoOptions withThreshold(GrpoOptions o, double offPolicyMaskThreshold) {
    PolicyLossOptions loss = TinyGrpo.loss(o.loss().lossType(), 0, 1);
    return withLoss(
        o,
        new PolicyLossOptions(
            loss.lossType(),
            loss.importanceSamplingLevel(),
            loss.epsilon(),
            loss.epsilonHigh(),
            loss.delta(),
            loss.beta(),
            loss.useBiasCorrectionKl(),
            loss.sapoTemperaturePos(),
            loss.sapoTemperatureNeg(),
            loss.vespoKPos(),
            loss.vespoLambdaPos(),
            loss.vespoKNeg(),
            loss.vespoLambdaNeg(),
            OptionalDouble.of(offPolicyMaskThreshold),
            loss.topEntropyQuantile()));
  }

  private static float[] gradients(
      CausalLm model,
      GrpoOptions options,
      BatchParts parts,
      List<Rollout> rollouts,
      PolicyUpdate.Sums sums) {
    try (AdamW optimizer = new AdamW(model, AdamWOptions.DEFAULT);
        PolicyUpdate update = new PolicyUpdate(model, options, parts)) {
      long items = rollouts.stream().mapToLong(Rollout::trainedTokens).sum();
      update.accumulate(rollouts, items, true, options.entropyBonus().coefficient(), sums);
      sums.read();
      return gradients(model);
    }
  }

  private static float[] gradients(CausalLm model) {
    try (PointerScope scope = new PointerScope()) {
      List<float[]> parts =
          model.parameters().values().stream().map(p -> HostArrays.toFloats(p.grad())).toList();
      float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
      int at = 0;
      for (float[] part : parts) {
        System.arraycopy(part, 0, all, at, part.length);
        at += part.length;
      }
      return all;
    }
  }

  private static void assertClose(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    assertThat(Arrays.equals(expected, new float[expected.length])).as("all zero").isFalse();
    for (int i = 0; i < actual.length; i++) {
      assertThat(Math.abs(actual[i] - expected[i]) <= TOLERANCE)
          .as("gradient %d: %s, expected %s", i, actual[i], expected[i])
          .isTrue();
    }
  }
}
