/* rmsnorm: bytes a second, 8 read and written an element forward, 12 backward. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/support/array.h"
#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/rmsnorm.h"

namespace rlkd::kernels {
namespace {

struct Norm {
  explicit Norm(const benchmark::State& state)
      : random(1),
        input(bench::normal(random, state.range(0), state.range(1))),
        weight(bench::normal(random, 1, state.range(1))),
        doutput(bench::normal(random, state.range(0), state.range(1))),
        output(input.rows, input.cols),
        inverse_rms(input.rows, 1),
        dinput(input.rows, input.cols),
        dweight(1, input.cols) {}
  template <class Kernel>
  void forward(Kernel kernel) {
    kernel(input.matrix(), {}, weight.vector(), 1e-6f, {}, output.matrix(), inverse_rms.vector());
  }
  template <class Kernel>
  void backward(Kernel kernel) {
    kernel(input.matrix(), weight.vector(), inverse_rms.vector(), doutput.matrix(), dinput.matrix(),
           dweight.vector());
  }

  test::Random random;
  const bench::Array<float> input, weight, doutput;
  bench::Array<float> output, inverse_rms, dinput, dweight;
};

void rmsnorm_forward(benchmark::State& state) {
  Norm norm(state), expected(state);
  expected.forward(reference::rmsnorm_forward);
  norm.forward(cpu::rmsnorm_forward);
  if (!bench::agree(state, norm.output.values, expected.output.values, 1e-5) ||
      !bench::agree(state, norm.inverse_rms.values, expected.inverse_rms.values, 1e-6)) {
    return;
  }
  bench::measure(state, {8.0 * static_cast<double>(norm.input.values.size())},
                 [&] { norm.forward(cpu::rmsnorm_forward); });
}

void rmsnorm_backward(benchmark::State& state) {
  Norm norm(state), expected(state);
  expected.forward(reference::rmsnorm_forward);
  norm.inverse_rms = expected.inverse_rms;
  expected.backward(reference::rmsnorm_backward);
  norm.backward(cpu::rmsnorm_backward);
  // dweight sums over the rows, of either sign.
  if (!bench::agree(state, norm.dinput.values, expected.dinput.values, 1e-5) ||
      !bench::agree(state, norm.dweight.values, expected.dweight.values, 1e-4)) {
    return;
  }
  bench::measure(state, {12.0 * static_cast<double>(norm.input.values.size())},
                 [&] { norm.backward(cpu::rmsnorm_backward); });
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "cols"})->UseRealTime()->Args({64, 256})->Args({4096, 576});
}
BENCHMARK(rmsnorm_forward)->Apply(shapes);
BENCHMARK(rmsnorm_backward)->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
