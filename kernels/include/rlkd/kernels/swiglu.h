/*
 * swiglu: the gated unit of Llama's and Qwen's MLP (Shazeer, arXiv 2002.05202).
 *
 *   s = 1 / (1 + e^-gate)     output = gate s up
 *   dgate = doutput up s (1 + gate (1 - s))     dup = doutput gate s
 *
 * Shapes: all [rows, cols], each with its own row stride: gate and up may be the halves of one matrix. dgate
 * may be the memory of gate and dup that of up (same row stride).
 *
 * float32 inside; s is computed without overflow for any finite gate. As in PyTorch a gate of -inf gives NaN,
 * and an infinite gate gives a NaN dgate.
 */
#pragma once

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/dtypes.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

namespace cpu {

void swiglu_forward(Matrix<const float> gate, Matrix<const float> up, Matrix<float> output);

void swiglu_backward(Matrix<const float> gate, Matrix<const float> up, Matrix<const float> doutput,
                     Matrix<float> dgate, Matrix<float> dup);

}  // namespace cpu

namespace cuda {

/** As on the CPU; T is float, bfloat16 or float16. */
template <class T>
DeviceStatus swiglu_forward(Matrix<const T> gate, Matrix<const T> up, Matrix<T> output, Stream stream);

template <class T>
DeviceStatus swiglu_backward(Matrix<const T> gate, Matrix<const T> up, Matrix<const T> doutput,
                             Matrix<T> dgate, Matrix<T> dup, Stream stream);

}  // namespace cuda

namespace reference {

void swiglu_forward(Matrix<const float> gate, Matrix<const float> up, Matrix<float> output);

void swiglu_backward(Matrix<const float> gate, Matrix<const float> up, Matrix<const float> doutput,
                     Matrix<float> dgate, Matrix<float> dup);

}  // namespace reference

}  // namespace rlkd::kernels
