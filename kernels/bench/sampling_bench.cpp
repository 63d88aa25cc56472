/* sampling: bytes of logits a second. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/sampling.h"
#include "test/support/random.h"

namespace rlkd::kernels {
namespace {

struct Filter {
  int64_t top_k;
  float top_p;
};

void sampling(benchmark::State& state, Filter filter) {
  const int64_t rows = state.range(0), vocab = state.range(1);
  const auto n = static_cast<size_t>(rows);
  test::Random random(1);
  std::vector<float> logits(n * static_cast<size_t>(vocab));
  for (float& x : logits) x = static_cast<float>(random.normal(3));
  std::vector<int64_t> seed(n, 7), position(n), top_k(n, filter.top_k), tokens(n), expected(n);
  for (size_t i = 0; i < n; ++i) position[i] = static_cast<int64_t>(i);
  std::vector<float> temperature(n, 0.8f), top_p(n, filter.top_p), min_p(n, 0), logprob(n);
  SamplingInputs inputs;
  inputs.logits = {logits.data(), rows, vocab, vocab};
  inputs.seed = {seed.data(), rows};
  inputs.position = {position.data(), rows};
  inputs.temperature = {temperature.data(), rows};
  inputs.top_k = {top_k.data(), rows};
  inputs.top_p = {top_p.data(), rows};
  inputs.min_p = {min_p.data(), rows};
  const size_t bytes = cpu::sampling_workspace_size(rows, vocab);
  std::vector<char> storage(bytes + 64);
  char* workspace = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64);

  reference::sampling(inputs, {expected.data(), rows}, {logprob.data(), rows});
  const auto run = [&] {
    cpu::sampling(inputs, {tokens.data(), rows}, {logprob.data(), rows}, workspace, bytes);
  };
  run();
  if (!bench::agree(state, tokens, expected, 0)) return;
  bench::measure(state, {static_cast<double>(logits.size() * sizeof(float))}, run);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "vocab"})->UseRealTime();
  b->Args({64, 512})->Args({16, 49152})->Args({16, 151936});
}
BENCHMARK_CAPTURE(sampling, all, Filter{0, 1})->Apply(shapes);
BENCHMARK_CAPTURE(sampling, top_k_50, Filter{50, 1})->Apply(shapes);
BENCHMARK_CAPTURE(sampling, top_p_95, Filter{0, 0.95f})->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
