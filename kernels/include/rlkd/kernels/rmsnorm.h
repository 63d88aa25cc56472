/*
 * rmsnorm: root mean square normalisation of each row (Zhang and Sennrich, arXiv 1910.07467) as in Llama and
 * Qwen, optionally of a sum: in a decoder layer hidden + attention and its norm are one pass over memory
 * instead of two, and one launch instead of two, which is what a decoding step is made of.
 *
 *   x_j = input_j (+ residual_j)     r = 1 / sqrt(mean_j x_j^2 + epsilon)     output_j = x_j r weight_j
 *
 *   dinput_j  = r weight_j doutput_j - x_j r^3 / cols * sum_k x_k weight_k doutput_k
 *   dweight_j = sum_i doutput_ij x_ij r_i
 *
 * Shapes: weight and dweight [cols], inverse_rms [rows] (the r), everything else [rows, cols] with any row
 * stride; cols >= 1, epsilon >= 0. The weight multiplies before the one rounding to the output's type, as
 * torch.rms_norm does; transformers' modules round once more in half precision. x is rounded to its type
 * first: the norm of a sum is the norm of the stored sum.
 *
 * Results of a row do not depend on the other rows; dweight is summed in an order that depends on the shape
 * alone. A NaN gives NaN in its row and in dweight; a row of zeros with epsilon 0 gives NaN.
 */
#pragma once

#include <cstddef>

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/dtypes.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

namespace cpu {

/**
 * residual and sum are both given or both null; sum = input + residual, and may be the memory of either.
 * inverse_rms may be null.
 */
void rmsnorm_forward(Matrix<const float> input, Matrix<const float> residual, Vector<const float> weight,
                     float epsilon, Matrix<float> sum, Matrix<float> output, Vector<float> inverse_rms);

/** input: the x of the forward pass (sum, where there is one). dinput or dweight may be null. */
void rmsnorm_backward(Matrix<const float> input, Vector<const float> weight, Vector<const float> inverse_rms,
                      Matrix<const float> doutput, Matrix<float> dinput, Vector<float> dweight);

}  // namespace cpu

namespace cuda {

/** As on the CPU; T is float, bfloat16 or float16. */
template <class T>
DeviceStatus rmsnorm_forward(Matrix<const T> input, Matrix<const T> residual, Vector<const T> weight,
                             float epsilon, Matrix<T> sum, Matrix<T> output, Vector<float> inverse_rms,
                             Stream stream);

/** Bytes that rmsnorm_backward needs for dweight. */
size_t rmsnorm_backward_workspace_size(int64_t rows, int64_t cols);

/** As on the CPU; dweight is float for every T. workspace: device memory, 64-byte aligned; not used without dweight. */
template <class T>
DeviceStatus rmsnorm_backward(Matrix<const T> input, Vector<const T> weight, Vector<const float> inverse_rms,
                              Matrix<const T> doutput, Matrix<T> dinput, Vector<float> dweight,
                              void* workspace, Stream stream);

}  // namespace cuda

namespace reference {

void rmsnorm_forward(Matrix<const float> input, Matrix<const float> residual, Vector<const float> weight,
                     float epsilon, Matrix<float> sum, Matrix<float> output, Vector<float> inverse_rms);

void rmsnorm_backward(Matrix<const float> input, Vector<const float> weight, Vector<const float> inverse_rms,
                      Matrix<const float> doutput, Matrix<float> dinput, Vector<float> dweight);

}  // namespace reference

}  // namespace rlkd::kernels
