/* swiglu from its formulas, in double. */
#include "rlkd/kernels/swiglu.h"

#include <cmath>

namespace rlkd::kernels::reference {

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

void swiglu_forward(Matrix<const float> gate, Matrix<const float> up, Matrix<float> output) {
  for (int64_t i = 0; i < gate.rows; ++i) {
    for (int64_t j = 0; j < gate.cols; ++j) {
      const double g = gate(i, j);
      output(i, j) = static_cast<float>(g * sigmoid(g) * up(i, j));
    }
  }
}

void swiglu_backward(Matrix<const float> gate, Matrix<const float> up, Matrix<const float> doutput,
                     Matrix<float> dgate, Matrix<float> dup) {
  for (int64_t i = 0; i < gate.rows; ++i) {
    for (int64_t j = 0; j < gate.cols; ++j) {
      const double g = gate(i, j);
      const double u = up(i, j);
      const double d = doutput(i, j);
      const double s = sigmoid(g);
      dgate(i, j) = static_cast<float>(d * u * s * (1 + g * (1 - s)));
      dup(i, j) = static_cast<float>(d * g * s);
    }
  }
}

}  // namespace rlkd::kernels::reference
