/* Inner loops of swiglu for one instruction set. */
#include "cpu/vector/functions.h"
#include "cpu/vector/simd.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

namespace {

// 1 / (1 + e^-x) from e = e^-|x| in [0, 1], so that nothing overflows: 1 / (1 + e) or e / (1 + e). NaN becomes some
// number: every use multiplies it by x.
Floats sigmoid(Floats x) {
  const Floats zero = Floats::all(0);
  const Floats one = Floats::all(1);
  const Floats e = exp(min(x, zero - x));
  return max(e, zero_if_less(x, zero, one)) / (one + e);
}

}  // namespace

void swiglu_row(const float* gate, const float* up, int64_t n, float* out) {
  const auto unit = [](Floats g, Floats u) { return g * sigmoid(g) * u; };
  int64_t j = 0;
  for (; j + Floats::width <= n; j += Floats::width) {
    unit(Floats::load(gate + j), Floats::load(up + j)).store(out + j);
  }
  if (j < n) {
    unit(Floats::load_first(gate + j, n - j, 0), Floats::load_first(up + j, n - j, 0))
        .store_first(out + j, n - j);
  }
}

void swiglu_backward_row(const float* gate, const float* up, const float* doutput, int64_t n, float* dgate,
                         float* dup) {
  const Floats one = Floats::all(1);
  const auto slope = [&](Floats g, Floats s) { return s * multiply_add(g, one - s, one); };
  int64_t j = 0;
  for (; j + Floats::width <= n; j += Floats::width) {
    const Floats g = Floats::load(gate + j);
    const Floats u = Floats::load(up + j);
    const Floats d = Floats::load(doutput + j);
    const Floats s = sigmoid(g);
    (d * u * slope(g, s)).store(dgate + j);
    (d * (g * s)).store(dup + j);
  }
  if (j < n) {
    const int64_t rest = n - j;
    const Floats g = Floats::load_first(gate + j, rest, 0);
    const Floats u = Floats::load_first(up + j, rest, 0);
    const Floats d = Floats::load_first(doutput + j, rest, 0);
    const Floats s = sigmoid(g);
    (d * u * slope(g, s)).store_first(dgate + j, rest);
    (d * (g * s)).store_first(dup + j, rest);
  }
}

}  // namespace rlkd::kernels::cpu::RLKD_ISA
