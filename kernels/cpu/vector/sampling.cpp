/* Inner loops of sampling for one instruction set. */
#include "cpu/vector/functions.h"
#include "cpu/vector/simd.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

float maximum(const float* values, int64_t n) {
  constexpr float lowest = -__builtin_huge_valf();
  Floats running = Floats::all(lowest);
  int64_t j = 0;
  for (; j + Floats::width <= n; j += Floats::width) running = max(Floats::load(values + j), running);
  if (j < n) running = max(Floats::load_first(values + j, n - j, lowest), running);
  return largest(running);
}

double softmax_weights(const float* scores, int64_t n, double max_score, double inverse_temperature,
                       double* weights) {
  const Doubles pivot = Doubles::all(max_score);
  const Doubles inverse = Doubles::all(inverse_temperature);
  Doubles total = Doubles::all(0);
  int64_t j = 0;
  for (; j + Doubles::width <= n; j += Doubles::width) {
    const Doubles w = exp((Doubles::widen(scores + j) - pivot) * inverse);
    w.store(weights + j);
    total = total + w;
  }
  if (j < n) {
    float padded[Doubles::width];
    for (int64_t i = 0; i < Doubles::width; ++i)
      padded[i] = j + i < n ? scores[j + i] : -__builtin_huge_valf();
    double lanes[Doubles::width];
    const Doubles w = exp((Doubles::widen(padded) - pivot) * inverse);
    w.store(lanes);
    for (int64_t i = 0; j + i < n; ++i) weights[j + i] = lanes[i];
    total = total + w;
  }
  return sum(total);
}

}  // namespace rlkd::kernels::cpu::RLKD_ISA
