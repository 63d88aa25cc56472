/* sampling on a device: bytes of logits read. */
#include "rlkd/kernels/sampling.h"

#include "bench/device/measure.h"

namespace rlkd::kernels::bench {

namespace {

struct Settings {
  float temperature;
  int64_t top_k;
  float top_p;
};

void run(benchmark::State& state, int64_t rows, int64_t vocab, const Settings& settings) {
  const auto count = static_cast<size_t>(rows);
  DeviceArray<bfloat16> logits(rows * vocab);
  fill_normal(logits, 3, 1);
  std::vector<int64_t> seeds(count), positions(count), top_k(count, settings.top_k);
  for (size_t i = 0; i < count; ++i) {
    seeds[i] = static_cast<int64_t>(i / 8);
    positions[i] = static_cast<int64_t>(i);
  }
  const std::vector<float> temperature(count, settings.temperature), top_p(count, settings.top_p),
      min_p(count, 0);
  DeviceArray<int64_t> device_seeds(seeds), device_positions(positions), device_top_k(top_k), tokens(rows);
  DeviceArray<float> device_temperature(temperature), device_top_p(top_p), device_min_p(min_p), logprob(rows);
  DeviceArray<unsigned char> workspace(static_cast<int64_t>(cuda::sampling_workspace_size(rows, vocab)));
  SamplingInputsOf<bfloat16> inputs{};
  inputs.logits = logits.matrix(rows);
  inputs.seed = device_seeds.view();
  inputs.position = device_positions.view();
  inputs.temperature = device_temperature.view();
  inputs.top_k = device_top_k.view();
  inputs.top_p = device_top_p.view();
  inputs.min_p = device_min_p.view();
  const auto launch = [&] {
    return cuda::sampling<bfloat16>(inputs, tokens.view(), logprob.view(), workspace.data(), nullptr);
  };
  require(launch());
  require(cuda::synchronize(nullptr));
  for (const int64_t row : {int64_t{0}, rows - 1}) {
    const auto at = static_cast<size_t>(row);
    const std::vector<float> exact = logits.floats(row * vocab, vocab);
    SamplingInputs expected_inputs{};
    expected_inputs.logits = {exact.data(), 1, vocab, vocab};
    expected_inputs.seed = {&seeds[at], 1};
    expected_inputs.position = {&positions[at], 1};
    expected_inputs.temperature = {&temperature[at], 1};
    expected_inputs.top_k = {&top_k[at], 1};
    expected_inputs.top_p = {&top_p[at], 1};
    expected_inputs.min_p = {&min_p[at], 1};
    int64_t token = 0;
    float expected_logprob = 0;
    reference::sampling(expected_inputs, {&token, 1}, {&expected_logprob, 1});
    require_close("token", {static_cast<float>(tokens.host(row, 1)[0])}, {static_cast<float>(token)}, 0);
    require_close("logprob", {logprob.host(row, 1)[0]}, {expected_logprob}, 1e-5);
  }
  measure(state, {static_cast<double>(rows * vocab) * sizeof(bfloat16)}, launch);
}

void add_shapes() {
  const auto add_for = [](int64_t rows, int64_t vocab) {
    const Shape shape = {{"rows", rows}, {"vocab", vocab}};
    add("sampling_temperature", "bfloat16", shape, [=](benchmark::State& state) {
      run(state, rows, vocab, {0.9f, 0, 1});
    });
    add("sampling_top_k_top_p", "bfloat16", shape, [=](benchmark::State& state) {
      run(state, rows, vocab, {0.9f, 50, 0.95f});
    });
  };
  if (emulated()) {
    add_for(2, 515);
    return;
  }
  add_for(64, 151936);
  add_for(512, 151936);
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
