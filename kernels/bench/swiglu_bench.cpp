/* swiglu: bytes a second, 12 read and written an element forward, 20 backward. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/support/array.h"
#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/swiglu.h"

namespace rlkd::kernels {
namespace {

void swiglu_forward(benchmark::State& state) {
  const int64_t rows = state.range(0), cols = state.range(1);
  test::Random random(1);
  const bench::Array<float> gate = bench::normal(random, rows, cols, 2),
                            up = bench::normal(random, rows, cols);
  bench::Array<float> output(rows, cols), expected(rows, cols);
  reference::swiglu_forward(gate.matrix(), up.matrix(), expected.matrix());
  const auto run = [&] { cpu::swiglu_forward(gate.matrix(), up.matrix(), output.matrix()); };
  run();
  if (!bench::agree(state, output.values, expected.values, 1e-5)) return;
  bench::measure(state, {12.0 * static_cast<double>(gate.values.size())}, run);
}

void swiglu_backward(benchmark::State& state) {
  const int64_t rows = state.range(0), cols = state.range(1);
  test::Random random(1);
  const bench::Array<float> gate = bench::normal(random, rows, cols, 2),
                            up = bench::normal(random, rows, cols);
  const bench::Array<float> doutput = bench::normal(random, rows, cols);
  bench::Array<float> dgate(rows, cols), dup(rows, cols), expected_dgate(rows, cols),
      expected_dup(rows, cols);
  reference::swiglu_backward(gate.matrix(), up.matrix(), doutput.matrix(), expected_dgate.matrix(),
                             expected_dup.matrix());
  const auto run = [&] {
    cpu::swiglu_backward(gate.matrix(), up.matrix(), doutput.matrix(), dgate.matrix(), dup.matrix());
  };
  run();
  if (!bench::agree(state, dgate.values, expected_dgate.values, 1e-5) ||
      !bench::agree(state, dup.values, expected_dup.values, 1e-5)) {
    return;
  }
  bench::measure(state, {20.0 * static_cast<double>(gate.values.size())}, run);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "cols"})->UseRealTime()->Args({64, 704})->Args({4096, 1536});
}
BENCHMARK(swiglu_forward)->Apply(shapes);
BENCHMARK(swiglu_backward)->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
