/* logprob on a device: bytes of logits read (forward) or read and written (backward). */
#include "rlkd/kernels/logprob.h"

#include "bench/device/measure.h"
#include "test/support/random.h"

namespace rlkd::kernels::bench {

namespace {

constexpr float kTemperature = 0.9f;
// Float arithmetic over 152k logits against double; backward also rounds gradients to T.
constexpr double kForwardTolerance = 1e-5;
constexpr double kBackwardTolerance = 1e-5 + 0x1p-8;

template <class T>
struct Tile {
  Tile(int64_t row_count, int64_t vocab_size)
      : rows(row_count),
        vocab(vocab_size),
        logits(rows * vocab),
        tokens(random_tokens(rows, vocab)),
        logprob(rows),
        entropy(rows),
        logsumexp(rows),
        workspace(static_cast<int64_t>(cuda::logprob_forward_workspace_size(rows, vocab))) {
    fill_normal(logits, 3, 1);
  }

  static std::vector<int64_t> random_tokens(int64_t count, int64_t bound) {
    test::Random random(1);
    std::vector<int64_t> tokens(static_cast<size_t>(count));
    for (int64_t& token : tokens) token = random.below(bound);
    return tokens;
  }

  DeviceStatus forward() {
    return cuda::logprob_forward<T>(logits.matrix(rows), tokens.view(), kTemperature, logprob.view(),
                                    entropy.view(), logsumexp.view(), workspace.data(), nullptr);
  }

  /** First and last row against the reference. */
  void verify_forward() {
    require(forward());
    require(cuda::synchronize(nullptr));
    for (const int64_t row : {int64_t{0}, rows - 1}) {
      const std::vector<float> exact = logits.floats(row * vocab, vocab);
      const std::vector<int64_t> token = tokens.host(row, 1);
      std::vector<float> expected(3);
      reference::logprob_forward({exact.data(), 1, vocab, vocab}, {token.data(), 1}, kTemperature,
                                 {&expected[0], 1}, {&expected[1], 1}, {&expected[2], 1});
      require_close("logprob, entropy, logsumexp",
                    {logprob.host(row, 1)[0], entropy.host(row, 1)[0], logsumexp.host(row, 1)[0]}, expected,
                    kForwardTolerance);
    }
  }

  int64_t rows, vocab;
  DeviceArray<T> logits;
  DeviceArray<int64_t> tokens;
  DeviceArray<float> logprob, entropy, logsumexp;
  DeviceArray<unsigned char> workspace;
};

template <class T>
void forward(benchmark::State& state, int64_t rows, int64_t vocab) {
  Tile<T> tile(rows, vocab);
  tile.verify_forward();
  measure(state, {static_cast<double>(rows * vocab) * sizeof(T)}, [&] { return tile.forward(); });
}

template <class T>
void backward(benchmark::State& state, int64_t rows, int64_t vocab) {
  Tile<T> tile(rows, vocab);
  tile.verify_forward();
  DeviceArray<float> dlogprob(std::vector<float>(static_cast<size_t>(rows), 1));
  const auto launch = [&] {
    return cuda::logprob_backward<T>(tile.logits.matrix(rows), tile.tokens.view(), kTemperature,
                                     tile.logsumexp.view(), {}, dlogprob.view(), {}, nullptr);
  };
  const int64_t row = rows - 1;
  std::vector<float> expected = tile.logits.floats(row * vocab, vocab);
  const std::vector<int64_t> token = tile.tokens.host(row, 1);
  const std::vector<float> logsumexp = tile.logsumexp.host(row, 1);
  const float one = 1;
  reference::logprob_backward({expected.data(), 1, vocab, vocab}, {token.data(), 1}, kTemperature,
                              {logsumexp.data(), 1}, {}, {&one, 1}, {});
  require(launch());
  require(cuda::synchronize(nullptr));
  require_close("dlogits", tile.logits.floats(row * vocab, vocab), expected, kBackwardTolerance);
  // What is timed takes gradients for logits: the work is the same.
  measure(state, {2.0 * static_cast<double>(rows * vocab) * sizeof(T)}, launch);
}

template <class T>
void add_for(int64_t rows, int64_t vocab) {
  const Shape shape = {{"rows", rows}, {"vocab", vocab}};
  add("logprob_forward", dtype_name<T>(), shape,
      [=](benchmark::State& state) { forward<T>(state, rows, vocab); });
  add("logprob_backward", dtype_name<T>(), shape,
      [=](benchmark::State& state) { backward<T>(state, rows, vocab); });
}

void add_shapes() {
  if (emulated()) {
    add_for<float>(2, 515);
    add_for<bfloat16>(1, 16400);
    return;
  }
  add_for<bfloat16>(8, 151936);  // few rows: a decoding step
  add_for<bfloat16>(1024, 151936);
  add_for<bfloat16>(8192, 49152);
  add_for<bfloat16>(65536, 32768);
  add_for<float>(1024, 151936);
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
