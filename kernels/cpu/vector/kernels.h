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

/** output = input weight^T + bias (+ output) for a few rows of the weight; strides in elements. */
struct LinearPanel {
  const float* input;   // [rows, in]
  const float* weight;  // [outs, in]
  const float* bias;    // [outs] or null
  float* output;        // [rows, outs]
  int64_t rows;
  int64_t outs;
  int64_t in;
  int64_t input_stride;
  int64_t weight_stride;
  int64_t output_stride;
  bool accumulate;
};

/** Columns of dweight that one call of rmsnorm_dweight takes, at most. */
inline constexpr int64_t kDweightColumns = 256;

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

  /** out = a + b; out may be either. */
  void (*add_rows)(const float* a, const float* b, int64_t n, float* out);
  /** out_j = x_j r weight_j. */
  void (*rmsnorm_row)(const float* __restrict x, const float* __restrict weight, float r, int64_t n,
                      float* __restrict out);
  /** sum_j a_j b_j c_j. */
  double (*sum_of_products)(const float* a, const float* b, const float* c, int64_t n);
  /** dinput_j = r weight_j doutput_j - x_j along. */
  void (*rmsnorm_backward_row)(const float* __restrict x, const float* __restrict weight,
                               const float* __restrict doutput, float r, float along, int64_t n,
                               float* __restrict dinput);
  /** dweight_j = sum_i doutput_ij x_ij inverse_rms_i for n <= kDweightColumns columns. */
  void (*rmsnorm_dweight)(const float* doutput, int64_t doutput_stride, const float* x, int64_t x_stride,
                          const float* inverse_rms, int64_t rows, int64_t n, float* dweight);

  /** One head of 2 * half dimensions; direction 1 turns forward, -1 back; output may be input. */
  void (*rotate_head)(const float* input, const float* cosine, const float* sine, float direction,
                      int64_t half, float* output);

  void (*swiglu_row)(const float* gate, const float* up, int64_t n, float* out);
  /** dgate may be gate and dup may be up. */
  void (*swiglu_backward_row)(const float* gate, const float* up, const float* doutput, int64_t n,
                              float* dgate, float* dup);

  /** sum_j a_j b_j, in double. The order depends on n alone: dot(a, b) and dot(a, a) of equal vectors are equal. */
  double (*dot)(const float* a, const float* b, int64_t n);

  /** The order in which an output's products are summed depends on `in` alone. */
  void (*linear_panel)(const LinearPanel& panel);
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
