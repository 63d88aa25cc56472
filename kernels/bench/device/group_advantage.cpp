/* group_advantage on a device: bytes of rewards read and of advantages written. */
#include "rlkd/kernels/group_advantage.h"

#include "bench/device/measure.h"

namespace rlkd::kernels::bench {

namespace {

constexpr int64_t kFunctions = 3;

void run(benchmark::State& state, int64_t rows, const GroupAdvantageOptions& options) {
  DeviceArray<float> rewards(rows * kFunctions), advantages(rows);
  fill_normal(rewards, 1, 1);
  const std::vector<float> weights = {1, 0.5f, 0.25f};
  DeviceArray<float> device_weights(weights);
  const auto launch = [&] {
    return cuda::group_advantage(rewards.matrix(rows), device_weights.view(), options, advantages.view(), {},
                                 {}, nullptr);
  };
  require(launch());
  require(cuda::synchronize(nullptr));
  const std::vector<float> host_rewards = rewards.host();
  std::vector<float> expected(static_cast<size_t>(rows));
  reference::group_advantage({host_rewards.data(), rows, kFunctions, kFunctions},
                             {weights.data(), kFunctions}, options, {expected.data(), rows}, {}, {});
  require_close("advantages", advantages.host(), expected, 1e-6);
  measure(state, {static_cast<double>(rows * (kFunctions + 1)) * sizeof(float)}, launch);
}

void add_for(const char* name, int64_t rows, int64_t group, ScaleRewards scale) {
  GroupAdvantageOptions options;
  options.group_size = group;
  options.scale_rewards = scale;
  add(name, "float32", {{"rows", rows}, {"group", group}},
      [=](benchmark::State& state) { run(state, rows, options); });
}

void add_shapes() {
  const int64_t rows = emulated() ? 48 : 65536;
  add_for("group_advantage", rows, 8, ScaleRewards::group);
  add_for("group_advantage_batch", rows, 8, ScaleRewards::batch);
  if (!emulated()) add_for("group_advantage", 1024, 16, ScaleRewards::group);
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
