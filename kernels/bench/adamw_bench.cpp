/* adamw: bytes read and written a second (16 read and 12 written an element); grad_norm: 4 read. Checked first. */
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/adamw.h"
#include "test/support/random.h"

namespace rlkd::kernels {
namespace {

constexpr AdamwOptions kOptions{1e-4, 0.9, 0.999, 1e-8, 1.0, 3};

struct Parameters {
  explicit Parameters(int64_t size)
      : param(static_cast<size_t>(size)),
        grad(param.size()),
        exp_avg(param.size()),
        exp_avg_sq(param.size()) {
    test::Random random(1);
    for (size_t i = 0; i < param.size(); ++i) {
      param[i] = static_cast<float>(random.normal());
      grad[i] = static_cast<float>(random.normal(0.01));
    }
  }
  AdamwTensor tensor() {
    return {param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data(), static_cast<int64_t>(param.size()),
            0.01};
  }
  Vector<const float> gradient() const { return {grad.data(), static_cast<int64_t>(grad.size())}; }

  std::vector<float> param, grad, exp_avg, exp_avg_sq;
};

void grad_norm(benchmark::State& state) {
  const Parameters parameters(state.range(0));
  const Vector<const float> gradient = parameters.gradient();
  const std::vector<float> actual{cpu::grad_norm(&gradient, 1)}, expected{reference::grad_norm(&gradient, 1)};
  if (!bench::agree(state, actual, expected, 1e-6)) return;
  bench::measure(state, {4.0 * static_cast<double>(state.range(0))},
                 [&] { benchmark::DoNotOptimize(cpu::grad_norm(&gradient, 1)); });
}

void adamw(benchmark::State& state) {
  Parameters parameters(state.range(0)), expected(state.range(0));
  const AdamwTensor tensor = parameters.tensor(), expected_tensor = expected.tensor();
  const Vector<const float> gradient = parameters.gradient();
  const float norm = cpu::grad_norm(&gradient, 1);
  cpu::adamw(&tensor, 1, kOptions, norm);
  reference::adamw(&expected_tensor, 1, kOptions, norm);
  if (!bench::agree(state, parameters.param, expected.param, 1e-6)) return;
  bench::measure(state, {28.0 * static_cast<double>(state.range(0))},
                 [&] { cpu::adamw(&tensor, 1, kOptions, norm); });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgName("size")->UseRealTime()->Arg(1 << 16)->Arg(1 << 20)->Arg(1 << 24);
}
BENCHMARK(grad_norm)->Apply(sizes);
BENCHMARK(adamw)->Apply(sizes);

}  // namespace
}  // namespace rlkd::kernels
