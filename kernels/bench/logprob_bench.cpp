/* logprob: bytes of logits read (forward) or read and written (backward) a second. Checked before it is timed. */
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/support/check.h"
#include "bench/support/measure.h"
#include "rlkd/kernels/logprob.h"
#include "test/support/random.h"

namespace rlkd::kernels {
namespace {

struct Rows {
  explicit Rows(const benchmark::State& state)
      : rows(state.range(0)),
        vocab(state.range(1)),
        logits(static_cast<size_t>(rows * vocab)),
        tokens(static_cast<size_t>(rows)),
        logprob(tokens.size()),
        entropy(tokens.size()),
        logsumexp(tokens.size()) {
    test::Random random(1);
    for (float& x : logits) x = static_cast<float>(random.normal(3));
    for (int64_t& token : tokens) token = random.below(vocab);
  }
  Matrix<float> view() { return {logits.data(), rows, vocab, vocab}; }
  template <class Kernel>
  void forward(Kernel kernel) {
    kernel(view(), {tokens.data(), rows}, 0.9f, {logprob.data(), rows}, {entropy.data(), rows},
           {logsumexp.data(), rows});
  }
  template <class Kernel>
  void backward(Kernel kernel, const std::vector<float>& dlogprob) {
    kernel(view(), {tokens.data(), rows}, 0.9f, {logsumexp.data(), rows}, {entropy.data(), rows},
           {dlogprob.data(), rows}, {});
  }

  int64_t rows, vocab;
  std::vector<float> logits;
  std::vector<int64_t> tokens;
  std::vector<float> logprob, entropy, logsumexp;
};

void logprob_forward(benchmark::State& state) {
  Rows expected(state), rows(state);
  expected.forward(reference::logprob_forward);
  rows.forward(cpu::logprob_forward);
  if (!bench::agree(state, rows.logprob, expected.logprob, 1e-5) ||
      !bench::agree(state, rows.entropy, expected.entropy, 1e-5)) {
    return;
  }
  bench::measure(state, {static_cast<double>(rows.logits.size() * sizeof(float))},
                 [&] { rows.forward(cpu::logprob_forward); });
}

void logprob_backward(benchmark::State& state) {
  Rows expected(state), rows(state);
  expected.forward(reference::logprob_forward);
  rows.logsumexp = expected.logsumexp;
  rows.entropy = expected.entropy;
  const std::vector<float> dlogprob(rows.tokens.size(), 1);
  expected.backward(reference::logprob_backward, dlogprob);
  rows.backward(cpu::logprob_backward, dlogprob);
  if (!bench::agree(state, rows.logits, expected.logits, 1e-5)) return;
  // What is timed takes gradients for logits: the work is the same.
  bench::measure(state, {2.0 * static_cast<double>(rows.logits.size() * sizeof(float))},
                 [&] { rows.backward(cpu::logprob_backward, dlogprob); });
}

// One row of a small and of a large vocabulary, and the tiles of streaming log-prob (64 MiB of logits).
void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "vocab"})->UseRealTime();
  b->Args({1, 512})->Args({1, 49152})->Args({1, 151936})->Args({341, 49152})->Args({110, 151936});
}
BENCHMARK(logprob_forward)->Apply(shapes);
BENCHMARK(logprob_backward)->Apply(shapes);

}  // namespace
}  // namespace rlkd::kernels
