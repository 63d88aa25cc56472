/*
 * The vectorised inner loops of the CPU kernels, one table for each instruction set. They work on one row or
 * one run of elements and know nothing of threads.
 */
#pragma once

#include <cstdint>

namespace rlkd::kernels::cpu {

/** Of one row of logits at a temperature: z_j = logits_j / temperature. */
struct SoftmaxStatistics {
  float max;        // of the logits; -inf if all are
  double total;     // sum_j exp(z_j - max z); NaN if a logit is NaN or +inf
  double weighted;  // sum_j exp(z_j - max z) (z_j - max z); 0 unless asked for
};

/** What one step of adamw multiplies with, in float as PyTorch does. */
struct AdamwFactors {
  float clip;
  float decay;  // 1 - learning_rate weight_decay
  float one_minus_beta1;
  float beta2;
  float one_minus_beta2;
  float correction2_root;  // sqrt(1 - beta2^step)
  float epsilon;
  float negative_step_size;  // -learning_rate / (1 - beta1^step)
};

struct VectorKernels {
  SoftmaxStatistics (*softmax_statistics)(const float* logits, int64_t vocab, double temperature,
                                          bool weighted);

  /**
   * In place: logits_j become -p_j (dlogprob + dentropy (log p_j + entropy)) / temperature. The term of the
   * token itself is the caller's.
   */
  void (*logprob_backward_row)(float* logits, int64_t vocab, double temperature, float logsumexp,
                               float entropy, float dlogprob, float dentropy);

  double (*sum_of_squares)(const float* values, int64_t n);
  void (*adamw_step)(float* __restrict param, const float* __restrict grad, float* __restrict exp_avg,
                     float* __restrict exp_avg_sq, int64_t n, const AdamwFactors& factors);

  /** Largest value, NaN left out; -inf of nothing. */
  float (*maximum)(const float* values, int64_t n);
  /** weights_j = exp((scores_j - max_score) inverse_temperature), in double; returns their sum. */
  double (*softmax_weights)(const float* scores, int64_t n, double max_score, double inverse_temperature,
                            double* weights);
};

/** The table of instruction_set(). */
const VectorKernels& vector_kernels();

namespace baseline {
extern const VectorKernels kVectorKernels;
}
namespace avx2 {
extern const VectorKernels kVectorKernels;
}
namespace avx512 {
extern const VectorKernels kVectorKernels;
}

}  // namespace rlkd::kernels::cpu
