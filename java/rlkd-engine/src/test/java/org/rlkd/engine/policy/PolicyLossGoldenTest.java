package org.rlkd.engine.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.bytedeco.pytorch.global.torch.empty;
import static org.rlkd.engine.policy.GoldenNumbers.flat;
import static org.rlkd.engine.policy.GoldenNumbers.number;
import static org.rlkd.engine.policy.GoldenNumbers.tensor;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.core.config.ImportanceSamplingLevel;
import org.rlkd.core.config.LossType;
import org.rlkd.engine.GoldenFolder;
import org.rlkd.engine.tensor.Device;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tensor.TensorView;

/**
 * Logits to loss and back, every recorded loss of TRL: log-probs and entropies, loss, gradient by
 * the logits and metrics.
 */
class PolicyLossGoldenTest {
  /** The recording is in float64, ours in float32: log-probs of a few nats carry 1e-7 each. */
  private static final GoldenNumbers LOGPROBS = new GoldenNumbers(2e-6, 0);

  /** The README's suggestion for losses and gradients. */
  private static final GoldenNumbers LOSSES = new GoldenNumbers(1e-7, 1e-5);

  private static final GoldenNumbers GRADIENTS = new GoldenNumbers(1e-7, 1e-5);
  private static final GoldenNumbers METRICS = new GoldenNumbers(1e-6, 1e-5);
  private static int cases;

  @TestFactory
  Stream<DynamicTest> lossesGradientsAndMetricsEqualThoseOfTrl() throws IOException {
    return GoldenFolder.files("grpo", ".json").stream()
        .filter(file -> file.getFileName().toString().startsWith("loss-"))
        .map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> check(file)));
  }

  @AfterAll
  static void report() {
    System.out.printf(
        "%d losses of TRL; largest differences: log-prob and entropy %.1e, loss %.1e, gradient %.1e, metric %.1e%n",
        cases, LOGPROBS.largest(), LOSSES.largest(), GRADIENTS.largest(), METRICS.largest());
  }

  private static void check(Path file) throws IOException {
    JsonNode golden = GoldenNumbers.read(file);
    JsonNode config = golden.get("config");
    JsonNode inputs = golden.get("inputs");
    JsonNode expected = golden.get("expected");
    int batch = inputs.get("logits").size();
    int length = inputs.get("logits").get(0).size();
    int vocab = inputs.get("logits").get(0).get(0).size();
    int rows = batch * length;
    cases++;
    try (PointerScope scope = new PointerScope()) {
      // log-probs and entropies
      float temperature = config.get("temperature").floatValue();
      Tensor logits = tensor(inputs.get("logits"), rows, vocab);
      Tensor tokens = tokens(inputs.get("completion_ids"), rows);
      Tensor logprob = empty(rows);
      Tensor entropy = empty(rows);
      Tensor logsumexp = empty(rows);
      NativeLibrary.check(
          rlkd.rlkd_logprob_forward(
              null,
              TensorView.of(logits),
              TensorView.of(tokens),
              temperature,
              TensorView.of(logprob),
              TensorView.of(entropy),
              TensorView.of(logsumexp),
              null,
              0));
      Tensor completionMask = tensor(inputs.get("completion_mask"), rows);
      LOGPROBS.compare(
          "per_token_logps",
          HostArrays.toDoubles(logprob.mul(completionMask)),
          flat(expected.get("per_token_logps")));
      LOGPROBS.compare(
          "entropies",
          HostArrays.toDoubles(entropy.mul(completionMask)),
          flat(expected.get("entropies")));

      // loss
      Tensor toolMask = tensor(inputs.get("tool_mask"), rows);
      Tensor mask = toolMask == null ? completionMask : completionMask.mul(toolMask);
      PolicyLossOptions options = options(config);
      EntropyCoefficient coefficient = coefficient(config);
      PolicyLoss.Result result =
          new PolicyLoss(options, Device.CPU)
              .compute(
                  new PolicyLossInputs(
                      logprob.view(batch, length),
                      entropy.view(batch, length),
                      tensor(inputs.get("old_per_token_logps"), batch, length),
                      tensor(inputs.get("ref_per_token_logps"), batch, length),
                      tensor(inputs.get("sampling_per_token_logps"), batch, length),
                      ratio(inputs.get("importance_sampling_ratio"), batch),
                      mask.view(batch, length),
                      advantages(inputs.get("advantages"), batch, length)),
                  scale(config, inputs),
                  coefficient.bonus());
      LOSSES.compare("loss", result.loss(), number(expected.get("loss")));

      // gradient
      NativeLibrary.check(
          rlkd.rlkd_logprob_backward(
              null,
              TensorView.of(logits),
              TensorView.of(tokens),
              temperature,
              TensorView.of(logsumexp),
              TensorView.of(result.dEntropy() == null ? null : entropy),
              TensorView.of(result.dLogprob().view(rows)),
              TensorView.of(result.dEntropy() == null ? null : result.dEntropy().view(rows))));
      GRADIENTS.compare(
          "grad_logits", HostArrays.toDoubles(logits), flat(expected.get("grad_logits")));

      // metrics
      Map<String, Double> metrics =
          new LinkedHashMap<>(result.counters().metrics(options.lossType(), options.beta()));
      metrics.put("policy_loss", result.counters().policyLoss());
      metrics.put("entropy_coef", coefficient.update(metrics.get("entropy")));
      METRICS.compare(metrics, expected.get("metrics"));
    }
    for (GoldenNumbers numbers : new GoldenNumbers[] {LOGPROBS, LOSSES, GRADIENTS, METRICS}) {
      assertThat(numbers.takeWrong()).isEmpty();
      assertThat(numbers.compared()).isPositive();
    }
  }

  private static PolicyLossOptions options(JsonNode config) {
    return new PolicyLossOptions(
        LossType.valueOf(config.get("loss_type").textValue().toUpperCase(Locale.ROOT)),
        ImportanceSamplingLevel.valueOf(
            config.get("importance_sampling_level").textValue().toUpperCase(Locale.ROOT)),
        number(config.get("epsilon")),
        number(config.get("epsilon_high")),
        optional(config.get("delta")),
        number(config.get("beta")),
        config.get("use_bias_correction_kl").booleanValue(),
        number(config.get("sapo_temperature_pos")),
        number(config.get("sapo_temperature_neg")),
        number(config.get("vespo_k_pos")),
        number(config.get("vespo_lambda_pos")),
        number(config.get("vespo_k_neg")),
        number(config.get("vespo_lambda_neg")),
        optional(config.get("off_policy_mask_threshold")),
        number(config.get("top_entropy_quantile")));
  }

  private static LossScale scale(JsonNode config, JsonNode inputs) {
    return new LossScale(
        config.get("mode").textValue().equals("train"),
        config.get("gradient_accumulation_steps").intValue(),
        config.get("steps_per_generation").intValue(),
        inputs.get("num_items_in_batch").longValue(),
        config.get("num_processes").intValue(),
        config.get("max_completion_length").intValue(),
        0,
        0);
  }

  private static EntropyCoefficient coefficient(JsonNode config) {
    double coefficient = number(config.get("entropy_coef"));
    if (!config.get("use_adaptive_entropy").booleanValue()) {
      return EntropyCoefficient.constant(coefficient);
    }
    double last = number(config.get("last_world_entropy"));
    return EntropyCoefficient.adaptive(
        coefficient,
        number(config.get("entropy_coef_min")),
        number(config.get("entropy_coef_max")),
        number(config.get("entropy_coef_delta")),
        number(config.get("entropy_target")),
        Double.isNaN(last) ? Double.POSITIVE_INFINITY : last);
  }

  private static OptionalDouble optional(JsonNode node) {
    return node.isNull() ? OptionalDouble.empty() : OptionalDouble.of(node.doubleValue());
  }

  private static Tensor tokens(JsonNode ids, int rows) {
    double[] values = flat(ids);
    long[] tokens = new long[rows];
    for (int i = 0; i < rows; i++) {
      tokens[i] = (long) values[i];
    }
    return HostArrays.longs(tokens, rows);
  }

  private static Tensor ratio(JsonNode node, int batch) {
    return node.isNull() ? null : tensor(node, batch, node.get(0).size());
  }

  private static Tensor advantages(JsonNode node, int batch, int length) {
    return node.get(0).isArray() ? tensor(node, batch, length) : tensor(node, batch);
  }
}
