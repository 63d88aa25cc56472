/* rmsnorm on CPUs: rows over threads, and columns over threads where the sum runs over rows. */
#include "rlkd/kernels/rmsnorm.h"

#include <algorithm>
#include <cmath>

#include "cpu/vector/kernels.h"

namespace rlkd::kernels::cpu {

namespace {

// Below this many elements starting the threads costs more than they save.
constexpr int64_t kParallelElements = 1 << 15;

}  // namespace

void rmsnorm_forward(Matrix<const float> input, Matrix<const float> residual, Vector<const float> weight,
                     float epsilon, Matrix<float> sum, Matrix<float> output, Vector<float> inverse_rms) {
  const VectorKernels& kernels = vector_kernels();
  const int64_t cols = input.cols;
#pragma omp parallel for schedule(static) if (input.rows > 1 && input.rows * cols > kParallelElements)
  for (int64_t i = 0; i < input.rows; ++i) {
    const float* x = input.row(i);
    if (residual) {
      kernels.add_rows(x, residual.row(i), cols, sum.row(i));
      x = sum.row(i);
    }
    const double mean = kernels.sum_of_squares(x, cols) / static_cast<double>(cols);
    const auto r = static_cast<float>(1 / std::sqrt(mean + epsilon));
    kernels.rmsnorm_row(x, weight.data, r, cols, output.row(i));
    if (inverse_rms) inverse_rms[i] = r;
  }
}

void rmsnorm_backward(Matrix<const float> input, Vector<const float> weight, Vector<const float> inverse_rms,
                      Matrix<const float> doutput, Matrix<float> dinput, Vector<float> dweight) {
  const VectorKernels& kernels = vector_kernels();
  const int64_t cols = input.cols;
  const bool parallel = input.rows * cols > kParallelElements;
  if (dinput) {
#pragma omp parallel for schedule(static) if (parallel)
    for (int64_t i = 0; i < input.rows; ++i) {
      const double r = inverse_rms[i];
      const double dot = kernels.sum_of_products(input.row(i), weight.data, doutput.row(i), cols);
      const auto along = static_cast<float>(r * r * r * dot / static_cast<double>(cols));
      kernels.rmsnorm_backward_row(input.row(i), weight.data, doutput.row(i), inverse_rms[i], along, cols,
                                   dinput.row(i));
    }
  }
  if (input.rows == 0) {
    std::fill_n(dweight.data, dweight.size, 0.0f);
    return;
  }
#pragma omp parallel for schedule(static) if (parallel)
  for (int64_t first = 0; first < dweight.size; first += kDweightColumns) {
    kernels.rmsnorm_dweight(doutput.data + first, doutput.row_stride, input.data + first, input.row_stride,
                            inverse_rms.data, input.rows, std::min(kDweightColumns, cols - first),
                            dweight.data + first);
  }
}

}  // namespace rlkd::kernels::cpu
