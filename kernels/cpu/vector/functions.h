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

}  // namespace rlkd::kernels::cpu::RLKD_ISA
