/*
 * rows: rows of a matrix by number: the embeddings of tokens, keys and values into their slots of a cache.
 *
 *   gather    output[i, :] = input[indices[i], :]
 *   scatter   output[indices[i], :] = input[i, :]; other rows of output stay as they are
 *
 * Shapes: indices [n], the indexed matrix [any, cols], the other [n, cols], row strides free. An index lies within
 * the indexed matrix; where scatter's repeat, the last row stays. The elements are copied bit for bit.
 *
 * CPU and reference alone: on a GPU it is a library's index_select and index_copy.
 */
#pragma once

#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

namespace cpu {
void rows_gather(Matrix<const float> input, Vector<const int64_t> indices, Matrix<float> output);
void rows_scatter(Matrix<const float> input, Vector<const int64_t> indices, Matrix<float> output);
}  // namespace cpu

namespace reference {
void rows_gather(Matrix<const float> input, Vector<const int64_t> indices, Matrix<float> output);
void rows_scatter(Matrix<const float> input, Vector<const int64_t> indices, Matrix<float> output);
}  // namespace reference

}  // namespace rlkd::kernels
