package org.rlkd.engine.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.OptionalDouble;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.rlkd.bindings.NativeException;
import org.rlkd.core.config.ImportanceSamplingLevel;
import org.rlkd.core.config.LossType;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;

class PolicyLossTest {
  private static final LossScale SCALE = new LossScale(true, 1, 1, 4, 1, 4, 0, 0);

  @Test
  void gradientsReachTensorsWithGapsBetweenTheirRows() {
    try (PointerScope scope = new PointerScope()) {
      // The first two of three columns: row stride 3. The third would be far off-policy.
      Tensor logprob =
          HostArrays.floats(new float[] {-1, -2, 90, -3, -4, 90}, 2, 3).narrow(1, 0, 2);
      Tensor mask = HostArrays.floats(new float[] {1, 1, 1, 0}, 2, 2);
      Tensor advantages = HostArrays.floats(new float[] {1, -2}, 2);
      PolicyLoss.Result result =
          new PolicyLoss(options(LossType.DAPO, 1), Device.CPU)
              .compute(inputs(logprob, mask, advantages), SCALE, 0);
      // On policy every ratio is 1: token loss -A, divided by the 4 items of the batch.
      assertThat(result.loss()).isCloseTo((-1 - 1 + 2) / 4.0, within(1e-12));
      assertThat(HostArrays.toFloats(result.dLogprob())).containsExactly(-0.25f, -0.25f, 0.5f, 0);
      assertThat(result.dEntropy()).isNull();
      assertThat(result.counters().tokens()).isEqualTo(3);
    }
  }

  @Test
  void countersOfPartsAddUpToThoseOfTheWhole() {
    try (PointerScope scope = new PointerScope()) {
      PolicyLoss loss = new PolicyLoss(options(LossType.GRPO, 1), Device.CPU);
      Tensor logprob = HostArrays.floats(new float[] {-1, -2, -3, -4}, 2, 2);
      Tensor old = HostArrays.floats(new float[] {-2, -2, -3, -1}, 2, 2);
      Tensor mask = HostArrays.floats(new float[] {1, 1, 1, 1}, 2, 2);
      Tensor advantages = HostArrays.floats(new float[] {1, -2}, 2);
      PolicyLossInputs whole =
          new PolicyLossInputs(logprob, null, old, null, null, null, mask, advantages);
      PolicyLoss.Result expected = loss.compute(whole, SCALE, 0);
      double sum = 0;
      PolicyLossCounters counters = null;
      for (int row = 0; row < 2; row++) {
        PolicyLossInputs part =
            new PolicyLossInputs(
                logprob.narrow(0, row, 1),
                null,
                old.narrow(0, row, 1),
                null,
                null,
                null,
                mask.narrow(0, row, 1),
                advantages.narrow(0, row, 1));
        PolicyLoss.Result result = loss.compute(part, SCALE.ofPart(2, 4), 0);
        sum += result.loss();
        counters = counters == null ? result.counters() : counters.plus(result.counters());
      }
      assertThat(sum).isCloseTo(expected.loss(), within(1e-12));
      assertThat(counters.metrics(LossType.GRPO, 0))
          .isEqualTo(expected.counters().metrics(LossType.GRPO, 0));
      assertThat(counters.clipHighMax()).isEqualTo(0.5);
      assertThat(counters.clipLowSum()).isEqualTo(1);
    }
  }

  @Test
  void aMissingEntropyIsRefusedByName() {
    try (PointerScope scope = new PointerScope()) {
      Tensor logprob = HostArrays.floats(new float[] {-1}, 1, 1);
      PolicyLossInputs inputs =
          inputs(
              logprob,
              HostArrays.floats(new float[] {1}, 1, 1),
              HostArrays.floats(new float[] {1}, 1));
      PolicyLoss loss = new PolicyLoss(options(LossType.GRPO, 0.2), Device.CPU);
      assertThatThrownBy(() -> loss.compute(inputs, SCALE, 0))
          .isInstanceOf(NativeException.class)
          .hasMessageContaining("entropy is NULL")
          .hasMessageContaining("top_entropy_quantile");
    }
  }

  private static PolicyLossInputs inputs(Tensor logprob, Tensor mask, Tensor advantages) {
    return new PolicyLossInputs(logprob, null, null, null, null, null, mask, advantages);
  }

  private static PolicyLossOptions options(LossType type, double topEntropyQuantile) {
    return new PolicyLossOptions(
        type,
        ImportanceSamplingLevel.TOKEN,
        0.2,
        0.2,
        OptionalDouble.empty(),
        0,
        true,
        1,
        1.05,
        2,
        3,
        3,
        2,
        OptionalDouble.empty(),
        topEntropyQuantile);
  }
}
