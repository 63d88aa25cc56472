/*
 * adamw: Adam with decoupled weight decay (Loshchilov & Hutter, arXiv 1711.05101) over many tensors at once,
 * in the order of operations of torch.optim.AdamW, with clipping by the global norm
 * (torch.nn.utils.clip_grad_norm_) inside.
 *
 *   g  = grad * min(1, max_grad_norm / (norm + 1e-6))          (max_grad_norm <= 0: g = grad)
 *   p  = p (1 - learning_rate weight_decay)
 *   m  = m + (1 - beta1) (g - m)
 *   v  = beta2 v + (1 - beta2) g g
 *   p  = p - learning_rate / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
 *
 * State is float; the CPU kernel computes in float as PyTorch does, the reference in double. Every element is
 * computed alike on every instruction set and by any number of threads.
 */
#pragma once

#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

/** One parameter tensor with its gradient and state: `size` floats each, overlapping nothing. */
struct AdamwTensor {
  float* param;
  const float* grad;
  float* exp_avg;     // m
  float* exp_avg_sq;  // v
  int64_t size;
  double weight_decay;
};

struct AdamwOptions {
  double learning_rate;
  double beta1;
  double beta2;
  double epsilon;
  double max_grad_norm;  // <= 0: no clipping
  int64_t step;          // 1 for the first update
};

namespace cpu {

/**
 * Square root of the sum of squares of all elements, summed in double in an order that depends on the sizes
 * alone: the same bits for any number of threads. NaN or inf if an element is (or the norm exceeds a float).
 */
float grad_norm(const Vector<const float>* grads, int64_t count);

/** norm: grad_norm of the same gradients. If it is not finite nothing is changed and false returned. */
bool adamw(const AdamwTensor* tensors, int64_t count, const AdamwOptions& options, float norm);

}  // namespace cpu

namespace reference {

float grad_norm(const Vector<const float>* grads, int64_t count);

bool adamw(const AdamwTensor* tensors, int64_t count, const AdamwOptions& options, float norm);

}  // namespace reference

}  // namespace rlkd::kernels
