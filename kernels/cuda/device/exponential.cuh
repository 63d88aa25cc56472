/*
 * Exponentials. e^x in double for x <= 0 is the CPU backend's (cpu/vector/simd.h), operation by operation: with
 * contraction off on both sides the bits are equal, which those of two mathematical libraries are not. 2^x in float is
 * the special function unit's, one instruction.
 */
#pragma once

#include "device/platform.cuh"

namespace rlkd::kernels::cuda {

inline constexpr float kLog2E = 1.44269504088896341f;
inline constexpr float kLn2 = 0.693147180559945309f;

/** Error below 2 units in the last place; below e^-708 the result is 0. Cephes' exp. */
__device__ __forceinline__ double exponential(double x) {
  const double lowest = -708.0;
  const double y = x > lowest ? x : lowest;
  const double n = rint(y * 1.4426950408889634073599);
  const double r = (y - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6;
  const double rr = r * r;
  const double p =
      r * ((1.26177193074810590878e-4 * rr + 3.02994407707441961300e-2) * rr + 9.99999999999999999910e-1);
  const double q =
      ((3.00198505138664455042e-6 * rr + 2.52448340349684104192e-3) * rr + 2.27265548208155028766e-1) * rr +
      2.0;
  const double e = 1.0 + (p + p) / (q - p);
  const double power = __longlong_as_double((static_cast<long long>(n) + 1023) << 52);
  return x < lowest ? 0 : e * power;
}

/** 2^x, relative error below 2^-22; 0 below 2^-126. */
__device__ __forceinline__ float exp2_approximate(float x) {
#if defined(__CUDACC__)
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
#else
  return x < -126 ? 0 : exp2f(x);
#endif
}

}  // namespace rlkd::kernels::cuda
