/* linear_logprob from its formulas, in double. */
#include "rlkd/kernels/linear_logprob.h"

#include <cmath>
#include <limits>
#include <vector>

namespace rlkd::kernels::reference {

namespace {

/** z of one row. */
std::vector<double> scaled_logits(const float* hidden, Matrix<const float> weight, double temperature) {
  std::vector<double> z(static_cast<size_t>(weight.rows), 0.0);
  for (int64_t j = 0; j < weight.rows; ++j) {
    double logit = 0;
    for (int64_t k = 0; k < weight.cols; ++k) logit += static_cast<double>(hidden[k]) * weight(j, k);
    z[static_cast<size_t>(j)] = logit / temperature;
  }
  return z;
}

double log_sum_exp(const std::vector<double>& z) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double max = -infinity;
  for (const double x : z) {
    if (std::isnan(x) || x == infinity) return std::numeric_limits<double>::quiet_NaN();
    if (x > max) max = x;
  }
  if (max == -infinity) return std::numeric_limits<double>::quiet_NaN();
  double total = 0;
  for (const double x : z) total += std::exp(x - max);
  return max + std::log(total);
}

}  // namespace

void linear_logprob_forward(Matrix<const float> hidden, Matrix<const float> weight,
                            Vector<const int64_t> tokens, float temperature, Vector<float> logprob,
                            Vector<float> entropy, Vector<float> logsumexp) {
  for (int64_t i = 0; i < hidden.rows; ++i) {
    const std::vector<double> z = scaled_logits(hidden.row(i), weight, temperature);
    const double normalizer = log_sum_exp(z);
    logprob[i] = static_cast<float>(z[static_cast<size_t>(tokens[i])] - normalizer);
    logsumexp[i] = static_cast<float>(normalizer);
    if (!entropy) continue;
    double total = std::isnan(normalizer) ? normalizer : 0;
    for (const double x : z) {
      const double p = std::exp(x - normalizer);
      if (p > 0) total -= p * (x - normalizer);  // lim p log p = 0
    }
    entropy[i] = static_cast<float>(total);
  }
}

void linear_logprob_backward(Matrix<const float> hidden, Matrix<const float> weight,
                             Vector<const int64_t> tokens, float temperature, Vector<const float> logsumexp,
                             Vector<const float> entropy, Vector<const float> dlogprob,
                             Vector<const float> dentropy, Matrix<float> dhidden, Matrix<float> dweight) {
  const int64_t vocab = weight.rows;
  const int64_t width = weight.cols;
  std::vector<double> weight_sum(static_cast<size_t>(dweight ? vocab * width : 0), 0.0);
  for (int64_t i = 0; i < hidden.rows; ++i) {
    const double dl = dlogprob[i];
    const double dh = dentropy ? dentropy[i] : 0;
    std::vector<double> hidden_sum(static_cast<size_t>(width), 0.0);
    if (dl != 0 || dh != 0) {
      const std::vector<double> z = scaled_logits(hidden.row(i), weight, temperature);
      for (int64_t j = 0; j < vocab; ++j) {
        const double log_p = z[static_cast<size_t>(j)] - logsumexp[i];
        const double p = std::exp(log_p);
        double gradient = ((j == tokens[i] ? 1 : 0) - p) * dl;
        if (dh != 0 && !(p == 0)) gradient -= p * (log_p + entropy[i]) * dh;
        gradient /= temperature;
        for (int64_t k = 0; k < width; ++k) {
          hidden_sum[static_cast<size_t>(k)] += gradient * weight(j, k);
          if (dweight) weight_sum[static_cast<size_t>(j * width + k)] += gradient * hidden(i, k);
        }
      }
    }
    for (int64_t k = 0; dhidden && k < width; ++k) {
      dhidden(i, k) = static_cast<float>(hidden_sum[static_cast<size_t>(k)]);
    }
  }
  for (int64_t j = 0; dweight && j < vocab; ++j) {
    for (int64_t k = 0; k < width; ++k) {
      dweight(j, k) = static_cast<float>(dweight(j, k) + weight_sum[static_cast<size_t>(j * width + k)]);
    }
  }
}

}  // namespace rlkd::kernels::reference
