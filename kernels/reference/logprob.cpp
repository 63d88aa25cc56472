/* logprob from its formulas, in double. */
#include "rlkd/kernels/logprob.h"

#include <cmath>
#include <limits>

namespace rlkd::kernels::reference {

namespace {

struct Distribution {
  double max;        // of z
  double log_total;  // log sum exp(z - max)
  double entropy;
};

Distribution distribution(const float* logits, int64_t vocab, double temperature) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  double max = -std::numeric_limits<double>::infinity();
  for (int64_t j = 0; j < vocab; ++j) {
    const double z = logits[j] / temperature;
    if (std::isnan(z) || z == std::numeric_limits<double>::infinity()) return {nan, nan, nan};
    if (z > max) max = z;
  }
  if (std::isinf(max)) return {nan, nan, nan};

  double total = 0;
  for (int64_t j = 0; j < vocab; ++j) total += std::exp(logits[j] / temperature - max);
  const double log_total = std::log(total);
  double entropy = 0;
  for (int64_t j = 0; j < vocab; ++j) {
    const double log_p = logits[j] / temperature - max - log_total;
    const double p = std::exp(log_p);
    if (p > 0) entropy -= p * log_p;  // lim p log p = 0
  }
  return {max, log_total, entropy};
}

}  // namespace

void logprob_forward(Matrix<const float> logits, Vector<const int64_t> tokens, float temperature,
                     Vector<float> logprob, Vector<float> entropy, Vector<float> logsumexp) {
  for (int64_t i = 0; i < logits.rows; ++i) {
    const Distribution row = distribution(logits.row(i), logits.cols, temperature);
    const double z = logits(i, tokens[i]) / static_cast<double>(temperature);
    logprob[i] = static_cast<float>(z - row.max - row.log_total);
    logsumexp[i] = static_cast<float>(row.max + row.log_total);
    if (entropy) entropy[i] = static_cast<float>(row.entropy);
  }
}

void logprob_backward(Matrix<float> logits, Vector<const int64_t> tokens, float temperature,
                      Vector<const float> logsumexp, Vector<const float> entropy,
                      Vector<const float> dlogprob, Vector<const float> dentropy) {
  for (int64_t i = 0; i < logits.rows; ++i) {
    const double dl = dlogprob[i];
    const double dh = dentropy ? dentropy[i] : 0;
    for (int64_t j = 0; j < logits.cols; ++j) {
      float& value = logits(i, j);
      if (dl == 0 && dh == 0) {
        value = 0;
        continue;
      }
      const double log_p = value / static_cast<double>(temperature) - logsumexp[i];
      const double p = std::exp(log_p);
      double gradient = -p * dl;
      if (j == tokens[i]) gradient += dl;
      if (dh != 0 && !(p == 0)) gradient -= p * (log_p + entropy[i]) * dh;
      value = static_cast<float>(gradient / temperature);
    }
  }
}

}  // namespace rlkd::kernels::reference
