/*
 * linear: the projections of a decoder layer for the few rows of a decoding step, several that share their
 * input in one call (query, key and value; gate and up).
 *
 *   output_p[i, j] = sum_k input[i, k] weight_p[j, k] + bias_p[j]  (+ output_p[i, j])     p = 0 .. parts - 1
 *
 * Shapes: input [rows, in], weight_p [out_p, in], bias_p [out_p] or null, output_p [rows, out_p], row strides
 * free; in >= 1.
 *
 * With `accumulate` the products are added to what the outputs hold: the addition to the residual stream, or a
 * low-rank update of another product.
 *
 * The weights are read as they lie, [out, in]: nothing is packed, kept or to be told when they change. A
 * library's product of 16 rows waits for memory most of the time; here the next rows of the weight are fetched
 * while the current ones are in use.
 *
 * float32 with fused multiply-adds where the CPU has them; error below (in / w + 8) half ulps of
 * sum_k |input_k weight_k|, w the floats of a register (4, 8 or 16). The order of the sum depends on `in` and the instruction set alone: a row's result
 * does not depend on the other rows, on their number or on the number of threads, bit for bit. NaN and
 * infinity go where the formula says.
 *
 * CPU and reference alone: on a GPU it is a library's matrix product.
 */
#pragma once

#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

struct LinearPart {
  Matrix<const float> weight;
  Vector<const float> bias;  // may be null
  Matrix<float> output;
};

namespace cpu {
void linear(Matrix<const float> input, const LinearPart* parts, int64_t count, bool accumulate);
}

namespace reference {
void linear(Matrix<const float> input, const LinearPart* parts, int64_t count, bool accumulate);
}

}  // namespace rlkd::kernels
