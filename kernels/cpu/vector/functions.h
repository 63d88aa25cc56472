/* The functions of the instruction set RLKD_ISA, described in kernels.h. */
#pragma once

#include "cpu/vector/kernels.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

SoftmaxStatistics softmax_statistics(const float* logits, int64_t vocab, double temperature, bool weighted);
void logprob_backward_row(float* logits, int64_t vocab, double temperature, float logsumexp, float entropy,
                          float dlogprob, float dentropy);
double sum_of_squares(const float* values, int64_t n);
void adamw_step(float* __restrict param, const float* __restrict grad, float* __restrict exp_avg,
                float* __restrict exp_avg_sq, int64_t n, const AdamwFactors& factors);
float maximum(const float* values, int64_t n);
double softmax_weights(const float* scores, int64_t n, double max_score, double inverse_temperature,
                       double* weights);
void add_rows(const float* a, const float* b, int64_t n, float* out);
void rmsnorm_row(const float* __restrict x, const float* __restrict weight, float r, int64_t n,
                 float* __restrict out);
double sum_of_products(const float* a, const float* b, const float* c, int64_t n);
void rmsnorm_backward_row(const float* __restrict x, const float* __restrict weight,
                          const float* __restrict doutput, float r, float along, int64_t n,
                          float* __restrict dinput);
void rmsnorm_dweight(const float* doutput, int64_t doutput_stride, const float* x, int64_t x_stride,
                     const float* inverse_rms, int64_t rows, int64_t n, float* dweight);
void rotate_head(const float* input, const float* cosine, const float* sine, float direction, int64_t half,
                 float* output);
void swiglu_row(const float* gate, const float* up, int64_t n, float* out);
void swiglu_backward_row(const float* gate, const float* up, const float* doutput, int64_t n, float* dgate,
                         float* dup);
double dot(const float* a, const float* b, int64_t n);
void linear_panel(const LinearPanel& panel);

}  // namespace rlkd::kernels::cpu::RLKD_ISA
