/* Inner loops of rmsnorm for one instruction set. Sums over a row are double: their error is that of the inputs. */
#include "cpu/vector/functions.h"
#include "cpu/vector/simd.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

void add_rows(const float* a, const float* b, int64_t n, float* out) {
#pragma omp simd
  for (int64_t j = 0; j < n; ++j) out[j] = a[j] + b[j];
}

void rmsnorm_row(const float* __restrict x, const float* __restrict weight, float r, int64_t n,
                 float* __restrict out) {
#pragma omp simd
  for (int64_t j = 0; j < n; ++j) out[j] = (x[j] * r) * weight[j];
}

double sum_of_products(const float* a, const float* b, const float* c, int64_t n) {
  Doubles total = Doubles::all(0);
  int64_t j = 0;
  for (; j + Doubles::width <= n; j += Doubles::width) {
    total = total + Doubles::widen(a + j) * Doubles::widen(b + j) * Doubles::widen(c + j);
  }
  double result = sum(total);
  for (; j < n; ++j) result += static_cast<double>(a[j]) * b[j] * c[j];
  return result;
}

void rmsnorm_backward_row(const float* __restrict x, const float* __restrict weight,
                          const float* __restrict doutput, float r, float along, int64_t n,
                          float* __restrict dinput) {
#pragma omp simd
  for (int64_t j = 0; j < n; ++j) dinput[j] = (weight[j] * doutput[j]) * r - x[j] * along;
}

void rmsnorm_dweight(const float* doutput, int64_t doutput_stride, const float* x, int64_t x_stride,
                     const float* inverse_rms, int64_t rows, int64_t n, float* dweight) {
  double totals[kDweightColumns] = {};
  for (int64_t i = 0; i < rows; ++i) {
    const double r = inverse_rms[i];
    const float* dy = doutput + i * doutput_stride;
    const float* xi = x + i * x_stride;
#pragma omp simd
    for (int64_t j = 0; j < n; ++j) totals[j] += static_cast<double>(dy[j]) * xi[j] * r;
  }
  for (int64_t j = 0; j < n; ++j) dweight[j] = static_cast<float>(totals[j]);
}

}  // namespace rlkd::kernels::cpu::RLKD_ISA
