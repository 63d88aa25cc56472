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

#include <cstddef>

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/dtypes.h"
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

namespace cuda {

/**
 * One parameter tensor in device memory, `size` elements each. Weights of 16 bits have a master in float, which
 * is what is updated; the weight is the master rounded to nearest. Weight is float, bfloat16 or float16, Grad is
 * float or Weight. The array of tensors itself is host memory and may go once the call has returned.
 */
template <class Weight, class Grad>
struct AdamwTensor {
  Weight* param;
  float* master;  // null if Weight is float: param is its own
  const Grad* grad;
  float* exp_avg;     // m
  float* exp_avg_sq;  // v
  int64_t size;
  double weight_decay;
};

/** For `count` tensors of `elements` elements together. */
size_t grad_norm_workspace_size(int64_t elements, int64_t count);

/** As on the CPU, into *norm in device memory. The order of the sum depends on the sizes alone. workspace: device
 * memory, 64-byte aligned. */
template <class T>
DeviceStatus grad_norm(const Vector<const T>* grads, int64_t count, float* norm, void* workspace,
                       Stream stream);

/**
 * norm and skipped: device memory, [1] each. A norm that is not finite changes nothing and sets *skipped to 1,
 * otherwise it becomes 0: nothing waits for the host, and both functions can be captured into a CUDA graph, with
 * the options (step and learning rate among them) as they are at capture. Float weights get the bits that
 * cpu::adamw gives for the same norm.
 */
template <class Weight, class Grad>
DeviceStatus adamw(const AdamwTensor<Weight, Grad>* tensors, int64_t count, const AdamwOptions& options,
                   const float* norm, int32_t* skipped, Stream stream);

}  // namespace cuda

namespace reference {

float grad_norm(const Vector<const float>* grads, int64_t count);

bool adamw(const AdamwTensor* tensors, int64_t count, const AdamwOptions& options, float norm);

}  // namespace reference

}  // namespace rlkd::kernels
