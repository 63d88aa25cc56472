/* rows, element by element. */
#include "rlkd/kernels/rows.h"

namespace rlkd::kernels::reference {

void rows_gather(Matrix<const float> input, Vector<const int64_t> indices, Matrix<float> output) {
  for (int64_t i = 0; i < output.rows; ++i) {
    for (int64_t j = 0; j < output.cols; ++j) output(i, j) = input(indices[i], j);
  }
}

void rows_scatter(Matrix<const float> input, Vector<const int64_t> indices, Matrix<float> output) {
  for (int64_t i = 0; i < input.rows; ++i) {
    for (int64_t j = 0; j < input.cols; ++j) output(indices[i], j) = input(i, j);
  }
}

}  // namespace rlkd::kernels::reference
