/* rows: bytes of rows read and written a second. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/support/array.h"
#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/rows.h"

namespace rlkd::kernels {
namespace {

void rows_gather(benchmark::State& state) {
  const int64_t rows = state.range(0), cols = state.range(1), all = state.range(2);
  test::Random random(1);
  const bench::Array<float> input = bench::normal(random, all, cols);
  const bench::Array<int64_t> indices = bench::integers(random, rows, all);
  bench::Array<float> output(rows, cols), expected(rows, cols);
  reference::rows_gather(input.matrix(), indices.vector(), expected.matrix());
  const auto run = [&] { cpu::rows_gather(input.matrix(), indices.vector(), output.matrix()); };
  run();
  if (!bench::agree(state, output.values, expected.values, 0)) return;
  bench::measure(state, {2.0 * static_cast<double>(output.values.size()) * sizeof(float)}, run);
}

void rows_scatter(benchmark::State& state) {
  const int64_t rows = state.range(0), cols = state.range(1), all = state.range(2);
  test::Random random(1);
  const bench::Array<float> input = bench::normal(random, rows, cols);
  const bench::Array<int64_t> indices = bench::multiples(rows, all / rows);  // none twice
  bench::Array<float> output(all, cols), expected(all, cols);
  reference::rows_scatter(input.matrix(), indices.vector(), expected.matrix());
  const auto run = [&] { cpu::rows_scatter(input.matrix(), indices.vector(), output.matrix()); };
  run();
  if (!bench::agree(state, output.values, expected.values, 0)) return;
  bench::measure(state, {2.0 * static_cast<double>(input.values.size()) * sizeof(float)}, run);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "cols", "of"})->UseRealTime()->Args({64, 256, 8192})->Args({1024, 576, 49152});
}
BENCHMARK(rows_gather)->Apply(shapes);
BENCHMARK(rows_scatter)->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
