/* group_advantage: bytes of rewards and advantages a second. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/support/array.h"
#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/group_advantage.h"

namespace rlkd::kernels {
namespace {

void group_advantage(benchmark::State& state) {
  const int64_t completions = state.range(0), functions = 4;
  test::Random random(1);
  const bench::Array<float> rewards = bench::uniform(random, completions, functions, 0, 1);
  const bench::Array<float> weights = bench::uniform(random, 1, functions, 0.5, 1);
  bench::Array<float> advantages(completions, 1), expected(completions, 1);
  GroupAdvantageOptions options;
  options.group_size = 8;
  reference::group_advantage(rewards.matrix(), weights.vector(), options, expected.vector(), {}, {});
  const auto run = [&] {
    cpu::group_advantage(rewards.matrix(), weights.vector(), options, advantages.vector(), {}, {});
  };
  run();
  if (!bench::agree(state, advantages.values, expected.values, 1e-6)) return;
  bench::measure(state, {static_cast<double>(completions * (functions + 1)) * sizeof(float)}, run);
}

BENCHMARK(group_advantage)->ArgName("completions")->UseRealTime()->Arg(4096)->Arg(65536);

}  // namespace
}  // namespace rlkd::kernels
