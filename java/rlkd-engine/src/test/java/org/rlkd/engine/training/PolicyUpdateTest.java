package org.rlkd.engine.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rlkd.core.config.LossType;
import org.rlkd.engine.model.CausalLm;
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
    GrpoOptions base = TinyGrpo.options(1, lossType);
    return new GrpoOptions(
        base.batch(),
        base.sampling(),
        base.maxPromptLength(),
        base.longPrompts(),
        base.advantage(),
        base.loss(),
        base.oldLogprobs(),
        base.maskTruncatedCompletions(),
        skipZeroAdvantages,
        base.epochs(),
        base.maxSteps(),
        base.schedule(),
        base.optimizer(),
        base.seed(),
        MemoryOptions.DEFAULT.withLogits(logitsBudget),
        base.mostSkippedInARow());
  }

  private static GrpoOptions withLoss(GrpoOptions o, double topEntropyQuantile) {
    return new GrpoOptions(
        o.batch(),
        o.sampling(),
        o.maxPromptLength(),
        o.longPrompts(),
        o.advantage(),
        TinyGrpo.loss(o.loss().lossType(), 0, topEntropyQuantile),
        o.oldLogprobs(),
        o.maskTruncatedCompletions(),
        o.skipZeroAdvantages(),
        o.epochs(),
        o.maxSteps(),
        o.schedule(),
        o.optimizer(),
        o.seed(),
        o.memory(),
        o.mostSkippedInARow());
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
      update.accumulate(rollouts, items, true, sums);
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
