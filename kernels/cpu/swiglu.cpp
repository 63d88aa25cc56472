/* swiglu on CPUs: rows over threads, a row in cpu/vector/swiglu.cpp. */
#include "rlkd/kernels/swiglu.h"

#include "cpu/vector/kernels.h"

namespace rlkd::kernels::cpu {

namespace {

// Below this many elements starting the threads costs more than they save.
constexpr int64_t kParallelElements = 1 << 14;

}  // namespace

void swiglu_forward(Matrix<const float> gate, Matrix<const float> up, Matrix<float> output) {
  const VectorKernels& kernels = vector_kernels();
#pragma omp parallel for schedule(static) if (gate.rows > 1 && gate.rows * gate.cols > kParallelElements)
  for (int64_t i = 0; i < gate.rows; ++i) {
    kernels.swiglu_row(gate.row(i), up.row(i), gate.cols, output.row(i));
  }
}

void swiglu_backward(Matrix<const float> gate, Matrix<const float> up, Matrix<const float> doutput,
                     Matrix<float> dgate, Matrix<float> dup) {
  const VectorKernels& kernels = vector_kernels();
#pragma omp parallel for schedule(static) if (gate.rows > 1 && gate.rows * gate.cols > kParallelElements)
  for (int64_t i = 0; i < gate.rows; ++i) {
    kernels.swiglu_backward_row(gate.row(i), up.row(i), doutput.row(i), gate.cols, dgate.row(i), dup.row(i));
  }
}

}  // namespace rlkd::kernels::cpu
