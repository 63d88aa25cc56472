/*
 * rope: rotary position embedding (Su et al., arXiv 2104.09864) in the convention of transformers' Llama and
 * Qwen (rotate_half): dimension i of a head turns together with dimension i + D/2.
 *
 *   c = cosine[positions[r], i], s = sine[positions[r], i], i = 0 .. D/2 - 1, of every head of row r
 *   output_i       = input_i c - input_{i + D/2} s
 *   output_{i+D/2} = input_{i + D/2} c + input_i s
 *
 * The backward pass is the transposed map: the same with -s.
 *
 * Shapes: input, output [rows, heads * D] with any row stride, positions [rows] in [0, table rows), cosine and
 * sine [table rows, D/2] with any row stride. The tables are the caller's: they hold whatever scaling of the
 * frequencies the model has (linear, NTK, llama3, YaRN with its factor), in float32 for every type of input.
 * cols is a multiple of D = 2 * cosine.cols. output may be input (same memory, same row stride) or overlap
 * nothing.
 *
 * float32 inside: two products and a sum an element. A NaN stays in its pair.
 */
#pragma once

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/dtypes.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

namespace cpu {

void rope_forward(Matrix<const float> input, Vector<const int64_t> positions, Matrix<const float> cosine,
                  Matrix<const float> sine, Matrix<float> output);

/** From d loss / d output to d loss / d input. */
void rope_backward(Matrix<const float> doutput, Vector<const int64_t> positions, Matrix<const float> cosine,
                   Matrix<const float> sine, Matrix<float> dinput);

}  // namespace cpu

namespace cuda {

/** As on the CPU; T is float, bfloat16 or float16. */
template <class T>
DeviceStatus rope_forward(Matrix<const T> input, Vector<const int64_t> positions, Matrix<const float> cosine,
                          Matrix<const float> sine, Matrix<T> output, Stream stream);

template <class T>
DeviceStatus rope_backward(Matrix<const T> doutput, Vector<const int64_t> positions,
                           Matrix<const float> cosine, Matrix<const float> sine, Matrix<T> dinput,
                           Stream stream);

}  // namespace cuda

namespace reference {

void rope_forward(Matrix<const float> input, Vector<const int64_t> positions, Matrix<const float> cosine,
                  Matrix<const float> sine, Matrix<float> output);

void rope_backward(Matrix<const float> doutput, Vector<const int64_t> positions, Matrix<const float> cosine,
                   Matrix<const float> sine, Matrix<float> dinput);

}  // namespace reference

}  // namespace rlkd::kernels
