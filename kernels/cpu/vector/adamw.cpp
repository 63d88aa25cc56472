/* Inner loops of adamw for one instruction set. */
#include "cpu/vector/functions.h"
#include "cpu/vector/simd.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

double sum_of_squares(const float* values, int64_t n) {
  // Squares of floats are exact in double. Two accumulators hide the latency of the addition.
  Doubles even = Doubles::all(0);
  Doubles odd = Doubles::all(0);
  int64_t i = 0;
  for (; i + 2 * Doubles::width <= n; i += 2 * Doubles::width) {
    const Doubles a = Doubles::widen(values + i);
    const Doubles b = Doubles::widen(values + i + Doubles::width);
    even = even + a * a;
    odd = odd + b * b;
  }
  double total = sum(even + odd);
  for (; i < n; ++i) total += static_cast<double>(values[i]) * values[i];
  return total;
}

void adamw_step(float* __restrict param, const float* __restrict grad, float* __restrict exp_avg,
                float* __restrict exp_avg_sq, int64_t n, const AdamwFactors& factors) {
  const AdamwFactors f = factors;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float g = grad[i] * f.clip;
    // torch.lerp: from the nearer end
    const float m = f.one_minus_beta1 < 0.5f ? exp_avg[i] + f.one_minus_beta1 * (g - exp_avg[i])
                                             : g - (g - exp_avg[i]) * (1.0f - f.one_minus_beta1);
    const float v = exp_avg_sq[i] * f.beta2 + (f.one_minus_beta2 * g) * g;
    const float denominator = __builtin_sqrtf(v) / f.correction2_root + f.epsilon;
    exp_avg[i] = m;
    exp_avg_sq[i] = v;
    param[i] = param[i] * f.decay + (f.negative_step_size * m) / denominator;
  }
}

}  // namespace rlkd::kernels::cpu::RLKD_ISA
