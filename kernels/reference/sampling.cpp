/* sampling step by step, in double, by sorting the whole vocabulary. */
#include "rlkd/kernels/sampling.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numeric>
#include <vector>

#include "rlkd/kernels/logprob.h"
#include "rlkd/kernels/philox.h"

namespace rlkd::kernels::reference {

namespace {

std::vector<double> penalised(const SamplingInputs& inputs, int64_t row) {
  const float* logits = inputs.logits.row(row);
  std::vector<double> y(logits, logits + inputs.logits.cols);
  if (!inputs.repetition_penalty || !inputs.history) return y;
  const double penalty = inputs.repetition_penalty[row];
  for (int64_t i = inputs.history_offsets[row]; i < inputs.history_offsets[row + 1]; ++i) {
    const int64_t token = inputs.history[i];
    const double x = logits[token];
    if (std::isinf(x)) continue;
    const double changed = x < 0 ? x * penalty : x / penalty;
    y[static_cast<size_t>(token)] = static_cast<float>(std::clamp<double>(changed, -FLT_MAX, FLT_MAX));
  }
  return y;
}

int64_t drawn(const SamplingInputs& inputs, int64_t row) {
  const std::vector<double> y = penalised(inputs, row);
  const size_t vocab = y.size();
  const double temperature = inputs.temperature[row];
  const auto largest = std::max_element(y.begin(), y.end());  // the first of equals
  if (temperature == 0) return largest - y.begin();

  std::vector<double> w(vocab);
  for (size_t j = 0; j < vocab; ++j) w[j] = std::exp((y[j] - *largest) / temperature);

  std::vector<size_t> order(vocab);
  std::iota(order.rbegin(), order.rend(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return y[a] > y[b]; });

  size_t kept = vocab;  // a prefix of order
  const auto top_k = static_cast<size_t>(inputs.top_k[row]);
  if (top_k > 0 && top_k < vocab) {
    kept = top_k;
    while (kept < vocab && y[order[kept]] == y[order[top_k - 1]]) ++kept;
  }
  if (inputs.top_p[row] < 1) {
    double total = 0;
    for (size_t i = 0; i < kept; ++i) total += w[order[i]];
    double cumulative = 0;
    size_t prefix = 0;
    do {
      cumulative += w[order[prefix++]];
    } while (prefix < kept && cumulative < static_cast<double>(inputs.top_p[row]) * total);
    kept = prefix;
  }
  std::vector<bool> keep(vocab, false);
  for (size_t i = 0; i < kept; ++i) keep[order[i]] = w[order[i]] >= inputs.min_p[row];

  double total = 0;
  for (size_t j = 0; j < vocab; ++j) total += keep[j] ? w[j] : 0;
  const double target = philox_uniform(inputs.seed[row], inputs.position[row]) * total;
  double cumulative = 0;
  int64_t last = -1;
  for (size_t j = 0; j < vocab; ++j) {
    if (!keep[j] || w[j] == 0) continue;
    cumulative += w[j];
    last = static_cast<int64_t>(j);
    if (cumulative > target) break;
  }
  return last;
}

}  // namespace

void sampling(const SamplingInputs& inputs, Vector<int64_t> tokens, Vector<float> logprob) {
  for (int64_t i = 0; i < inputs.logits.rows; ++i) {
    const Matrix<const float> row{inputs.logits.row(i), 1, inputs.logits.cols, inputs.logits.cols};
    const float temperature = inputs.temperature[i] == 0 ? 1 : inputs.temperature[i];
    int64_t token = 0;
    float logsumexp = 0;
    logprob_forward(row, {&token, 1}, temperature, {&logprob[i], 1}, {}, {&logsumexp, 1});
    if (std::isnan(logsumexp)) {
      tokens[i] = -1;
      continue;
    }
    token = drawn(inputs, i);
    tokens[i] = token;
    logprob_forward(row, {&token, 1}, temperature, {&logprob[i], 1}, {}, {&logsumexp, 1});
  }
}

}  // namespace rlkd::kernels::reference
