/* rope: bytes of heads read and written a second. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "bench/support/array.h"
#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/rope.h"

namespace rlkd::kernels {
namespace {

/** Both directions take the same arguments. */
template <class Kernel>
void rope(benchmark::State& state, Kernel kernel, Kernel reference) {
  const int64_t rows = state.range(0), heads = state.range(1), head_dim = state.range(2);
  test::Random random(1);
  const bench::Array<float> input = bench::normal(random, rows, heads * head_dim);
  const bench::Array<int64_t> positions = bench::multiples(rows, 1);
  bench::Array<float> cosine = bench::uniform(random, rows, head_dim / 2, 0, 3), sine = cosine;
  for (float& x : cosine.values) x = std::cos(x);
  for (float& x : sine.values) x = std::sin(x);
  bench::Array<float> output(rows, heads * head_dim), expected(rows, heads * head_dim);
  reference(input.matrix(), positions.vector(), cosine.matrix(), sine.matrix(), expected.matrix());
  const auto run = [&] {
    kernel(input.matrix(), positions.vector(), cosine.matrix(), sine.matrix(), output.matrix());
  };
  run();
  if (!bench::agree(state, output.values, expected.values, 1e-6)) return;
  bench::measure(state, {2.0 * static_cast<double>(input.values.size()) * sizeof(float)}, run);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "heads", "head_dim"})->UseRealTime()->Args({64, 4, 64})->Args({4096, 9, 64});
}
BENCHMARK_CAPTURE(rope, forward, cpu::rope_forward, reference::rope_forward)->Apply(shapes);
BENCHMARK_CAPTURE(rope, backward, cpu::rope_backward, reference::rope_backward)->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
