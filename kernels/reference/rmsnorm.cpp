/* rmsnorm from its formulas, in double. */
#include "rlkd/kernels/rmsnorm.h"

#include <cmath>

namespace rlkd::kernels::reference {

void rmsnorm_forward(Matrix<const float> input, Matrix<const float> residual, Vector<const float> weight,
                     float epsilon, Matrix<float> sum, Matrix<float> output, Vector<float> inverse_rms) {
  for (int64_t i = 0; i < input.rows; ++i) {
    const float* x = input.row(i);
    if (residual) {
      for (int64_t j = 0; j < input.cols; ++j) sum(i, j) = input(i, j) + residual(i, j);
      x = sum.row(i);
    }
    double squares = 0;
    for (int64_t j = 0; j < input.cols; ++j) squares += static_cast<double>(x[j]) * x[j];
    const double r = 1 / std::sqrt(squares / static_cast<double>(input.cols) + epsilon);
    for (int64_t j = 0; j < input.cols; ++j) output(i, j) = static_cast<float>(x[j] * r * weight[j]);
    if (inverse_rms) inverse_rms[i] = static_cast<float>(r);
  }
}

void rmsnorm_backward(Matrix<const float> input, Vector<const float> weight, Vector<const float> inverse_rms,
                      Matrix<const float> doutput, Matrix<float> dinput, Vector<float> dweight) {
  for (int64_t i = 0; dinput && i < input.rows; ++i) {
    const double r = inverse_rms[i];
    double dot = 0;
    for (int64_t k = 0; k < input.cols; ++k) {
      dot += static_cast<double>(input(i, k)) * weight[k] * doutput(i, k);
    }
    for (int64_t j = 0; j < input.cols; ++j) {
      dinput(i, j) = static_cast<float>(r * weight[j] * doutput(i, j) -
                                        input(i, j) * r * r * r / static_cast<double>(input.cols) * dot);
    }
  }
  for (int64_t j = 0; j < dweight.size; ++j) {
    double total = 0;
    for (int64_t i = 0; i < input.rows; ++i) {
      total += static_cast<double>(doutput(i, j)) * input(i, j) * inverse_rms[i];
    }
    dweight[j] = static_cast<float>(total);
  }
}

}  // namespace rlkd::kernels::reference
