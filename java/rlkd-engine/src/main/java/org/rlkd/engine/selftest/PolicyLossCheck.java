package org.rlkd.engine.selftest;

import static org.bytedeco.pytorch.global.torch.empty;
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
import static org.rlkd.engine.selftest.CheckInputs.on;
import static org.rlkd.engine.selftest.CheckInputs.view;
import static org.rlkd.engine.selftest.CheckInputs.workspace;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_policy_loss_inputs;
import org.rlkd.bindings.rlkd_policy_loss_options;
import org.rlkd.engine.tensor.HostArrays;

/** Loss and gradients of every loss type, with KL and entropy terms. */
final class PolicyLossCheck implements KernelCheck {
  private static final int SEQUENCES = 6;
  private static final int TOKENS = 40;
  private static final Map<String, Integer> LOSS_TYPES =
      new TreeMap<>(
          Map.of(
              "grpo", RLKD_LOSS_GRPO,
              "bnpo", RLKD_LOSS_BNPO,
              "dr_grpo", RLKD_LOSS_DR_GRPO,
              "dapo", RLKD_LOSS_DAPO,
              "cispo", RLKD_LOSS_CISPO,
              "sapo", RLKD_LOSS_SAPO,
              "luspo", RLKD_LOSS_LUSPO,
              "vespo", RLKD_LOSS_VESPO));

  @Override
  public String name() {
    return "policy_loss";
  }

  @Override
  public Tolerance tolerance() {
    return new Tolerance(
        1e-9, 1e-6, "computed in fp64 on both sides; gradients are rounded to float32");
  }

  @Override
  public Map<String, double[]> run(int backend) {
    Map<String, double[]> outputs = new LinkedHashMap<>();
    LOSS_TYPES.forEach(
        (name, type) -> add(outputs, name, backend, options(type, RLKD_IMPORTANCE_TOKEN)));
    add(outputs, "gspo", backend, options(RLKD_LOSS_GRPO, RLKD_IMPORTANCE_SEQUENCE));
    return outputs;
  }

  private static rlkd_policy_loss_options options(int type, int level) {
    return new rlkd_policy_loss_options()
        .loss_type(type)
        .importance_level(level)
        .epsilon(0.2)
        // For cispo it is the cap itself.
        .epsilon_high(type == RLKD_LOSS_CISPO ? 1.3 : 0.28)
        .delta(Double.NaN)
        .beta(0.04)
        .bias_correction_kl(1)
        .training(1)
        .sapo_temperature_pos(1)
        .sapo_temperature_neg(1.05)
        .vespo_k_pos(2)
        .vespo_lambda_pos(3)
        .vespo_k_neg(3)
        .vespo_lambda_neg(2)
        .off_policy_threshold(Double.NaN)
        .top_entropy_quantile(1)
        .entropy_coefficient(0.01)
        .accumulation_steps(2)
        .steps_per_generation(2)
        .num_items_in_batch(SEQUENCES * TOKENS)
        .num_processes(1)
        .max_completion_length(TOKENS)
        .batch_sequences(0)
        .batch_tokens(0);
  }

  private static void add(
      Map<String, double[]> outputs, String name, int backend, rlkd_policy_loss_options options) {
    try (PointerScope scope = new PointerScope()) {
      CheckInputs random = new CheckInputs(4);
      Tensor logprob = random.normal(-2, 0.5, SEQUENCES, TOKENS);
      Tensor old = logprob.add(random.normal(0, 0.2, SEQUENCES, TOKENS));
      Tensor reference = logprob.add(random.normal(0, 0.3, SEQUENCES, TOKENS));
      rlkd_policy_loss_inputs inputs =
          new rlkd_policy_loss_inputs()
              .logprob(view(logprob))
              .entropy(view(random.uniform(SEQUENCES, TOKENS)))
              .old_logprob(view(old))
              .ref_logprob(view(reference))
              .sampler_logprob(null)
              .importance_ratio(null)
              .mask(view(mask()))
              .advantages(view(random.normal(0, 1, SEQUENCES)));
      rlkd_context context = on(backend);
      SizeTPointer bytes = new SizeTPointer(1);
      NativeLibrary.check(
          rlkd_policy_loss_workspace_size(context, SEQUENCES, TOKENS, options, bytes));
      Tensor workspace = workspace(bytes.get());
      Tensor loss = empty(new long[] {1}, new TensorOptions(ScalarType.Double), null);
      Tensor dlogprob = empty(SEQUENCES, TOKENS);
      Tensor dentropy = empty(SEQUENCES, TOKENS);
      NativeLibrary.check(
          rlkd_policy_loss(
              context,
              inputs,
              options,
              view(loss),
              view(dlogprob),
              view(dentropy),
              null,
              workspace.data_ptr(),
              bytes.get()));
      outputs.put(name + " loss", HostArrays.toDoubles(loss));
      outputs.put(name + " dlogprob", HostArrays.toDoubles(dlogprob));
      outputs.put(name + " dentropy", HostArrays.toDoubles(dentropy));
    }
  }

  /** Completions of different lengths. */
  private static Tensor mask() {
    float[] mask = new float[SEQUENCES * TOKENS];
    for (int i = 0; i < SEQUENCES; i++) {
      for (int t = 0; t < TOKENS - 5 * i; t++) {
        mask[i * TOKENS + t] = 1;
      }
    }
    return HostArrays.floats(mask, SEQUENCES, TOKENS);
  }
}
