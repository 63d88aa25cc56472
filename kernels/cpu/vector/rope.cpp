/* Inner loop of rope for one instruction set. */
#include "cpu/vector/functions.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

void rotate_head(const float* input, const float* cosine, const float* sine, float direction, int64_t half,
                 float* output) {
  // In place is fine: a pair is read before it is written, and pairs do not meet.
#pragma omp simd
  for (int64_t i = 0; i < half; ++i) {
    const float a = input[i];
    const float b = input[i + half];
    const float s = direction * sine[i];
    output[i] = a * cosine[i] - b * s;
    output[i + half] = b * cosine[i] + a * s;
  }
}

}  // namespace rlkd::kernels::cpu::RLKD_ISA
