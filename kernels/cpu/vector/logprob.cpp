/*
 * Inner loops of logprob for one instruction set.
 *
 * Numerics: one pass over memory. A block of logits is read for its maximum and, then from cache, for its
 * exponentials (online softmax, Milakov & Gimelshein, arXiv 1805.02867, by blocks). Differences to the
 * maximum are taken before they are divided by the temperature, so large logits lose nothing; within a block
 * sums are float, across blocks double.
 */
#include "cpu/vector/functions.h"
#include "cpu/vector/simd.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

namespace {

constexpr int64_t kBlock = 1024;  // 4 KB: stays in the first-level cache between the two readings
constexpr float kInfinity = __builtin_huge_valf();
constexpr float kLowest =
    -104.0f;  // exp is 0 from here on: stands for -inf, whose product with 0 would be NaN

}  // namespace

SoftmaxStatistics softmax_statistics(const float* logits, int64_t vocab, double temperature, bool weighted) {
  SoftmaxStatistics row{-kInfinity, 0, 0};
  const Floats inverse = Floats::all(static_cast<float>(1 / temperature));
  for (int64_t begin = 0; begin < vocab; begin += kBlock) {
    const float* block = logits + begin;
    const int64_t n = vocab - begin < kBlock ? vocab - begin : kBlock;

    const float top = maximum(block, n);
    if (top > row.max) {
      if (row.max != -kInfinity) {
        const double shift = (static_cast<double>(row.max) - top) / temperature;
        const double factor = __builtin_exp(shift);
        row.weighted = factor == 0 ? 0 : factor * (row.weighted + row.total * shift);
        row.total *= factor;
      }
      row.max = top;
    }
    // While all logits are -inf any finite pivot gives them weight 0.
    const Floats pivot = Floats::all(row.max == -kInfinity ? 0 : row.max);
    Floats total = Floats::all(0);
    Floats product = Floats::all(0);
    const auto add = [&](Floats x) {
      const Floats z = max(Floats::all(kLowest), (x - pivot) * inverse);
      const Floats e = exp(z);
      total = total + e;
      if (weighted) product = multiply_add(e, z, product);
    };
    int64_t j = 0;
    for (; j + Floats::width <= n; j += Floats::width) add(Floats::load(block + j));
    if (j < n) add(Floats::load_first(block + j, n - j, -kInfinity));
    row.total += static_cast<double>(sum(total));
    row.weighted += static_cast<double>(sum(product));
  }
  return row;
}

void logprob_backward_row(float* logits, int64_t vocab, double temperature, float logsumexp, float entropy,
                          float dlogprob, float dentropy) {
  // 1 / temperature as a sum of two floats: x / temperature - logsumexp then keeps its digits for large
  // logits.
  const double inverse = 1 / temperature;
  const float leading = static_cast<float>(inverse);
  const Floats high = Floats::all(leading);
  const Floats low = Floats::all(static_cast<float>(inverse - static_cast<double>(leading)));
  const Floats offset = Floats::all(-logsumexp);
  const Floats scale_l = Floats::all(static_cast<float>(-dlogprob / temperature));
  const Floats scale_h = Floats::all(static_cast<float>(-dentropy / temperature));
  const Floats h = Floats::all(entropy);
  const auto gradient = [&](Floats x) {
    const Floats rough = multiply_add(x, high, offset);
    const Floats log_p = multiply_add(x, low, rough);
    // Where p is 0 log p may be infinite, or NaN by the correction of an infinite logit.
    return zero_if_less(rough, Floats::all(kLowest), exp(log_p) * multiply_add(log_p + h, scale_h, scale_l));
  };
  int64_t j = 0;
  for (; j + Floats::width <= vocab; j += Floats::width) gradient(Floats::load(logits + j)).store(logits + j);
  if (j < vocab) gradient(Floats::load_first(logits + j, vocab - j, 0)).store_first(logits + j, vocab - j);
}

}  // namespace rlkd::kernels::cpu::RLKD_ISA
