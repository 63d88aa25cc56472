/*
 * The softmax of a row of logits, piece by piece: statistics of the forward pass, gradient of the backward
 * pass. The formulas and why they are stable: logprob.cu.
 */
#pragma once

#include "device/exponential.cuh"
#include "device/platform.cuh"
#include "device/reduce.cuh"

namespace rlkd::kernels::cuda {

/** Softmax statistics of some logits. A NaN or +inf among them makes total NaN. */
struct Statistics {
  float max;  // -inf: none so far, or only -inf
  float total;
  float weighted;

  static __device__ __forceinline__ Statistics none() { return {-INFINITY, 0, 0}; }

  template <int kCount>
  __device__ __forceinline__ void add(const float (&logits)[kCount], float inverse_temperature) {
    float larger = max;
#pragma unroll
    for (int i = 0; i < kCount; ++i) larger = Max{}(larger, logits[i]);
    if (larger == -INFINITY) return;
    rescale(larger, inverse_temperature);
    // In base 2, where an exponential is one instruction; a weight of 0 times a bounded exponent is 0.
    constexpr float kLowest = -200;
    const float scale = inverse_temperature * kLog2E;
    float binary = 0;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float exponent = (logits[i] - max) * scale;
      const float weight = exp2_approximate(exponent);
      total += weight;
      binary = fmaf(weight, fmaxf(exponent, kLowest), binary);
    }
    weighted = fmaf(binary, kLn2, weighted);
  }

  __device__ __forceinline__ void rescale(float larger, float inverse_temperature) {
    if (larger == max) return;
    const float shift = (max - larger) * inverse_temperature;
    const float scale = expf(shift);
    weighted = total > 0 ? scale * (weighted + total * shift) : 0;
    total *= scale;
    max = larger;
  }
};

/** The statistics of two sets of logits together; associative and commutative up to rounding. */
struct MergeStatistics {
  float inverse_temperature;

  __device__ __forceinline__ Statistics operator()(Statistics a, Statistics b) const {
    const float larger = Max{}(a.max, b.max);
    if (larger == -INFINITY) return a;
    a.rescale(larger, inverse_temperature);
    b.rescale(larger, inverse_temperature);
    a.total += b.total;
    a.weighted += b.weighted;
    return a;
  }
};

/** Where the results of a row go. */
struct LogprobOutputs {
  float* logprob;
  float* entropy;  // may be null
  float* logsumexp;

  __device__ __forceinline__ void finish(int64_t row, const Statistics& statistics, float token_logit,
                                         float temperature) const {
    // One row, one double logarithm; infinite maxima leave nothing defined.
    const double log_total =
        isinf(statistics.max) ? static_cast<double>(NAN) : log(static_cast<double>(statistics.total));
    const double max = statistics.max;
    logprob[row] = static_cast<float>((token_logit - max) / temperature - log_total);
    logsumexp[row] = static_cast<float>(max / temperature + log_total);
    if (entropy != nullptr) {
      entropy[row] = static_cast<float>(log_total - static_cast<double>(statistics.weighted) /
                                                        static_cast<double>(statistics.total));
    }
  }
};

/** 1 / temperature in two floats: logits of magnitude 1e4 lose nothing by the product. */
struct InverseTemperature {
  float rounded;
  float rest;  // what the rounding left

  explicit InverseTemperature(float temperature)
      : rounded(static_cast<float>(1 / static_cast<double>(temperature))),
        rest(static_cast<float>(1 / static_cast<double>(temperature) - rounded)) {}
};

/** What of a row's gradient is the same for all of its logits. */
struct RowGradient {
  InverseTemperature inverse_temperature;
  float logsumexp;
  float entropy;
  float dlogprob;
  float dentropy;

  static __device__ __forceinline__ RowGradient of_row(int64_t row, InverseTemperature inverse_temperature,
                                                       const float* logsumexp, const float* entropy,
                                                       const float* dlogprob, const float* dentropy) {
    const float dh = dentropy == nullptr ? 0 : dentropy[row];
    return {inverse_temperature, logsumexp[row], dh == 0 ? 0 : entropy[row], dlogprob[row], dh};
  }

  __device__ __forceinline__ bool is_zero() const { return dlogprob == 0 && dentropy == 0; }

  __device__ __forceinline__ float log_probability(float logit) const {
    float log_p = fmaf(logit, inverse_temperature.rounded, -logsumexp);
    if (logit != -INFINITY) log_p = fmaf(logit, inverse_temperature.rest, log_p);
    return log_p;
  }

  /** d loss / d logit of a token of probability p = exp(log_p) that is not the row's own, */
  __device__ __forceinline__ float of_other(float log_p, float p) const {
    float gradient = -p * dlogprob;
    if (dentropy != 0 && p != 0) gradient -= p * (log_p + entropy) * dentropy;
    return gradient * inverse_temperature.rounded;
  }

  /** and what the row's own token gets besides. */
  __device__ __forceinline__ float of_token() const { return dlogprob * inverse_temperature.rounded; }
};

}  // namespace rlkd::kernels::cuda
