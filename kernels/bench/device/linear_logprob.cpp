/*
 * linear_logprob on a device, against cuBLAS on the product of the same shape: forward is one product, backward
 * three (the logits again, dhidden, dweight).
 */
#include "rlkd/kernels/linear_logprob.h"

#include <cmath>

#include "bench/device/gemm.h"
#include "bench/device/measure.h"
#include "test/support/random.h"

namespace rlkd::kernels::bench {

namespace {

constexpr float kTemperature = 0.9f;
// Logits of deviation 3: the float sums of up to 4096 products of bfloat16 values, against double.
constexpr double kForwardTolerance = 2e-4;
// Besides, dlogits and dhidden are rounded to bfloat16.
constexpr double kBackwardTolerance = 0x1p-6;
// The reference takes a second for each two rows of a weight of this size; larger ones run the same code.
constexpr int64_t kVerifiedWeight = 150'000'000;

struct Head {
  Head(int64_t row_count, int64_t vocab_size, int64_t hidden_size)
      : rows(row_count),
        vocab(vocab_size),
        width(hidden_size),
        hidden(rows * width),
        weight(vocab * width),
        tokens(random_tokens(rows, vocab)),
        logprob(rows),
        entropy(rows),
        logsumexp(rows),
        workspace(static_cast<int64_t>(cuda::linear_logprob_forward_workspace_size(rows, vocab))) {
    fill_normal(hidden, 1, 1);
    fill_normal(weight, 3 / std::sqrt(static_cast<float>(width)), 2);
  }

  static std::vector<int64_t> random_tokens(int64_t count, int64_t bound) {
    test::Random random(1);
    std::vector<int64_t> values(static_cast<size_t>(count));
    for (int64_t& token : values) token = random.below(bound);
    return values;
  }

  DeviceStatus forward() {
    return cuda::linear_logprob_forward<bfloat16>(hidden.matrix(rows), weight.matrix(vocab), tokens.view(),
                                                  kTemperature, logprob.view(), entropy.view(),
                                                  logsumexp.view(), workspace.data(), nullptr);
  }

  bool verifiable() const { return vocab * width <= kVerifiedWeight; }

  int64_t rows, vocab, width;
  DeviceArray<bfloat16> hidden, weight;
  DeviceArray<int64_t> tokens;
  DeviceArray<float> logprob, entropy, logsumexp;
  DeviceArray<unsigned char> workspace;
};

/** The first and the last row, and the weight, on the host. */
struct HostRows {
  explicit HostRows(const Head& head) : weight(head.weight.floats(0, head.vocab * head.width)) {
    for (const int64_t row : {int64_t{0}, head.rows - 1}) {
      const std::vector<float> values = head.hidden.floats(row * head.width, head.width);
      hidden.insert(hidden.end(), values.begin(), values.end());
      tokens.push_back(head.tokens.host(row, 1)[0]);
    }
  }
  std::vector<float> hidden, weight;
  std::vector<int64_t> tokens;
  std::vector<float> logprob = {0, 0}, entropy = {0, 0}, logsumexp = {0, 0};
};

std::vector<float> first_and_last(const DeviceArray<float>& values) {
  return {values.host(0, 1)[0], values.host(values.size() - 1, 1)[0]};
}

void forward(benchmark::State& state, int64_t rows, int64_t vocab, int64_t width) {
  Head head(rows, vocab, width);
  require(head.forward());
  require(cuda::synchronize(nullptr));
  if (head.verifiable()) {
    HostRows host(head);
    reference::linear_logprob_forward({host.hidden.data(), 2, width, width},
                                      {host.weight.data(), vocab, width, width}, {host.tokens.data(), 2},
                                      kTemperature, {host.logprob.data(), 2}, {host.entropy.data(), 2},
                                      {host.logsumexp.data(), 2});
    require_close("logprob", first_and_last(head.logprob), host.logprob, kForwardTolerance);
    require_close("entropy", first_and_last(head.entropy), host.entropy, kForwardTolerance);
  }
  std::string reason;
  const double gemm = cublas_gemm_seconds(rows, vocab, width, &reason);
  measure(
      state, {0, 2.0 * static_cast<double>(rows * vocab) * static_cast<double>(width)},
      [&] { return head.forward(); }, gemm);
  state.counters["share_of_logits_memory"] =
      static_cast<double>(head.workspace.size()) / (static_cast<double>(rows * vocab) * sizeof(bfloat16));
  state.SetLabel(reason);
}

void backward(benchmark::State& state, int64_t rows, int64_t vocab, int64_t width) {
  Head head(rows, vocab, width);
  require(head.forward());
  DeviceArray<bfloat16> dhidden(rows * width);
  DeviceArray<float> dweight(std::vector<float>(static_cast<size_t>(vocab * width)));
  DeviceArray<unsigned char> workspace(static_cast<int64_t>(
      cuda::linear_logprob_backward_workspace_size(rows, vocab, width, sizeof(bfloat16))));
  const auto launch = [&](DeviceArray<float>& dlogprob) {
    return cuda::linear_logprob_backward<bfloat16>(head.hidden.matrix(rows), head.weight.matrix(vocab),
                                                   head.tokens.view(), kTemperature, head.logsumexp.view(),
                                                   {}, dlogprob.view(), {}, 0, dhidden.matrix(rows),
                                                   dweight.matrix(vocab), workspace.data(), nullptr);
  };
  if (head.verifiable()) {
    // All rows but two take no part, so that the reference can follow.
    std::vector<float> two(static_cast<size_t>(rows), 0);
    two.front() = two.back() = 1;
    DeviceArray<float> dlogprob(two);
    require(launch(dlogprob));
    require(cuda::synchronize(nullptr));
    HostRows host(head);
    host.logsumexp = first_and_last(head.logsumexp);
    const std::vector<float> ones = {1, 1};
    std::vector<float> expected(host.hidden.size()), expected_dweight(host.weight.size());
    reference::linear_logprob_backward(
        {host.hidden.data(), 2, width, width}, {host.weight.data(), vocab, width, width},
        {host.tokens.data(), 2}, kTemperature, {host.logsumexp.data(), 2}, {}, {ones.data(), 2}, {},
        {expected.data(), 2, width, width}, {expected_dweight.data(), vocab, width, width});
    std::vector<float> actual = dhidden.floats(0, width);
    const std::vector<float> last = dhidden.floats((rows - 1) * width, width);
    actual.insert(actual.end(), last.begin(), last.end());
    require_close("dhidden", actual, expected, kBackwardTolerance);
    require_close("dweight", dweight.host(), expected_dweight, kBackwardTolerance);
  }
  DeviceArray<float> dlogprob(std::vector<float>(static_cast<size_t>(rows), 1.0f / static_cast<float>(rows)));
  std::string reason;
  const double gemm = 3 * cublas_gemm_seconds(rows, vocab, width, &reason);
  measure(
      state, {0, 6.0 * static_cast<double>(rows * vocab) * static_cast<double>(width)},
      [&] { return launch(dlogprob); }, gemm);
  state.counters["share_of_logits_memory"] =
      static_cast<double>(workspace.size()) / (static_cast<double>(rows * vocab) * sizeof(bfloat16));
  state.SetLabel(reason);
}

void add_shapes() {
  const auto add_for = [](int64_t rows, int64_t vocab, int64_t width) {
    const Shape shape = {{"rows", rows}, {"vocab", vocab}, {"hidden", width}};
    add("linear_logprob_forward", "bfloat16", shape,
        [=](benchmark::State& state) { forward(state, rows, vocab, width); });
    add("linear_logprob_backward", "bfloat16", shape,
        [=](benchmark::State& state) { backward(state, rows, vocab, width); });
  };
  if (emulated()) {
    add_for(3, 70, 40);
    return;
  }
  add_for(1024, 151936, 896);
  add_for(8192, 151936, 896);
  add_for(8192, 32768, 4096);
  add_for(16384, 151936, 2048);
}

[[maybe_unused]] const bool added = (add_shapes(), true);

}  // namespace

}  // namespace rlkd::kernels::bench
