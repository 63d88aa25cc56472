/* policy_loss on a device: bytes of [B, T] matrices read and written, forward and gradient in one. */
#include "rlkd/kernels/policy_loss.h"

#include "bench/device/measure.h"

namespace rlkd::kernels::bench {

namespace {

void run(benchmark::State& state, int64_t sequences, int64_t tokens, const PolicyLossOptions& options) {
  const int64_t size = sequences * tokens;
  DeviceArray<float> logprob(size), old_logprob(size), ref_logprob(size), advantages(sequences),
      dlogprob(size);
  fill_normal(logprob, 0.2f, 1);
  fill_normal(old_logprob, 0.2f, 2);
  fill_normal(ref_logprob, 0.2f, 3);
  fill_normal(advantages, 1, 4);
  // Completions of different lengths, from half of the width to all of it.
  std::vector<float> mask(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) {
    const int64_t length = tokens - i / tokens * 37 % (tokens / 2 + 1);
    mask[static_cast<size_t>(i)] = i % tokens < length ? 1.0f : 0.0f;
  }
  DeviceArray<float> device_mask(mask);
  DeviceArray<double> loss(1);
  DeviceArray<PolicyLossCounters> counters(1);
  DeviceArray<unsigned char> workspace(static_cast<int64_t>(cuda::policy_loss_workspace_size(sequences)));

  PolicyLossInputs inputs;
  inputs.logprob = logprob.matrix(sequences);
  inputs.old_logprob = old_logprob.matrix(sequences);
  inputs.ref_logprob = ref_logprob.matrix(sequences);
  inputs.mask = device_mask.matrix(sequences);
  inputs.advantages = advantages.matrix(sequences);
  const PolicyLossOutputs outputs{loss.data(), dlogprob.matrix(sequences), {}, counters.data()};
  const auto launch = [&] { return cuda::policy_loss(inputs, options, outputs, workspace.data(), nullptr); };
  require(launch());
  require(cuda::synchronize(nullptr));

  const std::vector<float> host[] = {logprob.host(), old_logprob.host(), ref_logprob.host(),
                                     advantages.host()};
  const auto matrix = [&](const std::vector<float>& values) {
    return Matrix<const float>{values.data(), sequences, static_cast<int64_t>(values.size()) / sequences,
                               static_cast<int64_t>(values.size()) / sequences};
  };
  PolicyLossInputs host_inputs;
  host_inputs.logprob = matrix(host[0]);
  host_inputs.old_logprob = matrix(host[1]);
  host_inputs.ref_logprob = matrix(host[2]);
  host_inputs.mask = matrix(mask);
  host_inputs.advantages = matrix(host[3]);
  double expected_loss = 0;
  PolicyLossCounters expected_counters;
  std::vector<float> expected(static_cast<size_t>(size));
  reference::policy_loss(
      host_inputs, options,
      {&expected_loss, {expected.data(), sequences, tokens, tokens}, {}, &expected_counters});
  require_close("loss", {static_cast<float>(loss.host()[0])}, {static_cast<float>(expected_loss)}, 1e-6);
  // Gradients are of the order of 1 / tokens: compared in that unit.
  std::vector<float> actual = dlogprob.host();
  for (std::vector<float>* gradients : {&actual, &expected}) {
    for (float& g : *gradients) g *= static_cast<float>(size);
  }
  require_close("dlogprob * B T", actual, expected, 1e-5);
  measure(state, {5.0 * static_cast<double>(size) * sizeof(float)}, launch);
}

void add_shapes() {
  const auto add_for = [](const char* name, int64_t sequences, int64_t tokens, PolicyLossOptions options) {
    options.num_items_in_batch = static_cast<double>(sequences * tokens);
    options.beta = 0.04;
    add(name, "float32", {{"sequences", sequences}, {"tokens", tokens}},
        [=](benchmark::State& state) { run(state, sequences, tokens, options); });
  };
  PolicyLossOptions gspo;
  gspo.loss_type = LossType::grpo;
  gspo.importance_level = ImportanceLevel::sequence;
  if (emulated()) {
    add_for("policy_loss_dapo", 3, 37, {});
    add_for("policy_loss_gspo", 3, 37, gspo);
    return;
  }
  add_for("policy_loss_dapo", 64, 1024, {});
  add_for("policy_loss_dapo", 1024, 4096, {});
  add_for("policy_loss_gspo", 1024, 4096, gspo);
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
