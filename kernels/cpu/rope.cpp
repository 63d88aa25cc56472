/* rope on CPUs: rows over threads, a head in cpu/vector/rope.cpp. */
#include "rlkd/kernels/rope.h"

#include "cpu/vector/kernels.h"

namespace rlkd::kernels::cpu {

namespace {

// Below this many elements starting the threads costs more than they save.
constexpr int64_t kParallelElements = 1 << 15;

void rotate(Matrix<const float> input, Vector<const int64_t> positions, Matrix<const float> cosine,
            Matrix<const float> sine, float direction, Matrix<float> output) {
  const VectorKernels& kernels = vector_kernels();
  const int64_t half = cosine.cols;
#pragma omp parallel for schedule(static) if (input.rows > 1 && input.rows * input.cols > kParallelElements)
  for (int64_t r = 0; r < input.rows; ++r) {
    const float* c = cosine.row(positions[r]);
    const float* s = sine.row(positions[r]);
    for (int64_t begin = 0; begin < input.cols; begin += 2 * half) {
      kernels.rotate_head(input.row(r) + begin, c, s, direction, half, output.row(r) + begin);
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

}  // namespace rlkd::kernels::cpu
