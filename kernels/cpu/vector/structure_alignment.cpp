/* Inner loop of structure_alignment for one instruction set. */
#include "cpu/vector/functions.h"
#include "cpu/vector/simd.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

double dot(const float* a, const float* b, int64_t n) {
  constexpr int kChains = 4;  // sums that do not wait for each other
  Doubles total[kChains];
  for (Doubles& chain : total) chain = Doubles::all(0);
  int64_t j = 0;
  for (; j + kChains * Doubles::width <= n; j += kChains * Doubles::width) {
    for (int c = 0; c < kChains; ++c) {
      const int64_t k = j + c * Doubles::width;
      total[c] = total[c] + Doubles::widen(a + k) * Doubles::widen(b + k);
    }
  }
  double result = sum((total[0] + total[1]) + (total[2] + total[3]));
  for (; j < n; ++j) result += static_cast<double>(a[j]) * b[j];
  return result;
}

}  // namespace rlkd::kernels::cpu::RLKD_ISA
