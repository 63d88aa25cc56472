/* linear: floating-point operations of y = x W^T a second. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/support/array.h"
#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/linear.h"

namespace rlkd::kernels {
namespace {

void linear(benchmark::State& state) {
  const int64_t rows = state.range(0), in = state.range(1), out = state.range(2);
  test::Random random(1);
  const bench::Array<float> input = bench::normal(random, rows, in), weight = bench::normal(random, out, in);
  bench::Array<float> output(rows, out), expected(rows, out);
  const LinearPart part{weight.matrix(), {}, output.matrix()};
  const LinearPart reference_part{weight.matrix(), {}, expected.matrix()};
  reference::linear(input.matrix(), &reference_part, 1, false);
  const auto run = [&] { cpu::linear(input.matrix(), &part, 1, false); };
  run();
  // Sums of `in` products of either sign: what rounding leaves grows with them, not with the sum.
  if (!bench::agree(state, output.values, expected.values, 1e-4)) return;
  const auto cells = static_cast<double>(rows * in + out * in + rows * out);
  bench::measure(state, {cells * sizeof(float), 2.0 * static_cast<double>(rows * in * out)}, run);
}

// Projections of small models at 16 and 64 sequences, and a head, whose weights come from memory.
void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "in", "out"})->UseRealTime();
  b->Args({64, 256, 704})->Args({16, 576, 1536})->Args({16, 576, 49152});
}
BENCHMARK(linear)->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
