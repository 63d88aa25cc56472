/* rope from its formula, in double. */
#include "rlkd/kernels/rope.h"

namespace rlkd::kernels::reference {

namespace {

void rotate(Matrix<const float> input, Vector<const int64_t> positions, Matrix<const float> cosine,
            Matrix<const float> sine, double direction, Matrix<float> output) {
  const int64_t half = cosine.cols;
  for (int64_t r = 0; r < input.rows; ++r) {
    for (int64_t begin = 0; begin < input.cols; begin += 2 * half) {
      for (int64_t i = 0; i < half; ++i) {
        const double c = cosine(positions[r], i);
        const double s = direction * sine(positions[r], i);
        const double a = input(r, begin + i);
        const double b = input(r, begin + half + i);
        output(r, begin + i) = static_cast<float>(a * c - b * s);
        output(r, begin + half + i) = static_cast<float>(b * c + a * s);
      }
    }
  }
}

}  // namespace

void rope_forward(Matrix<const float> input, Vector<const int64_t> positions, Matrix<const float> cosine,
                  Matrix<const float> sine, Matrix<float> output) {
  rotate(input, positions, cosine, sine, 1, output);
}

void rope_backward(Matrix<const float> doutput, Vector<const int64_t> positions, Matrix<const float> cosine,
                   Matrix<const float> sine, Matrix<float> dinput) {
  rotate(doutput, positions, cosine, sine, -1, dinput);
}

}  // namespace rlkd::kernels::reference
