/* rows on CPUs: a decoding step moves too little for threads. */
#include "rlkd/kernels/rows.h"

#include <algorithm>

namespace rlkd::kernels::cpu {

void rows_gather(Matrix<const float> input, Vector<const int64_t> indices, Matrix<float> output) {
  for (int64_t i = 0; i < indices.size; ++i) std::copy_n(input.row(indices[i]), input.cols, output.row(i));
}

void rows_scatter(Matrix<const float> input, Vector<const int64_t> indices, Matrix<float> output) {
  for (int64_t i = 0; i < indices.size; ++i) std::copy_n(input.row(i), input.cols, output.row(indices[i]));
}

}  // namespace rlkd::kernels::cpu
