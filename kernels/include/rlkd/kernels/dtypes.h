/*
 * The 16-bit floating-point types as storage: views carry them, kernels widen them to float (exact) and round
 * results back to nearest, ties to even. The same code on host and device.
 */
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define RLKD_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define RLKD_HOST_DEVICE inline
#endif

namespace rlkd::kernels {

/** 1 sign, 8 exponent, 7 fraction bits: the upper half of a float. */
struct bfloat16 {
  uint16_t bits;
};

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits; largest finite value 65504. */
struct float16 {
  uint16_t bits;
};

namespace detail {

RLKD_HOST_DEVICE uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

RLKD_HOST_DEVICE float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/** Shifts right by 1 to 31 bits, to nearest, ties to even. */
RLKD_HOST_DEVICE uint32_t rounded_shift(uint32_t value, int shift) {
  const uint32_t half = uint32_t{1} << (shift - 1);
  return (value + (half - 1) + (value >> shift & 1)) >> shift;
}

}  // namespace detail

RLKD_HOST_DEVICE float to_float(float value) { return value; }

RLKD_HOST_DEVICE float to_float(bfloat16 value) { return detail::float_of(uint32_t{value.bits} << 16); }

RLKD_HOST_DEVICE float to_float(float16 value) {
#if defined(__CUDA_ARCH__)
  return __half2float(__ushort_as_half(value.bits));
#else
  const uint32_t sign = uint32_t{value.bits & 0x8000u} << 16;
  const uint32_t exponent = value.bits >> 10 & 0x1F;
  const uint32_t fraction = value.bits & 0x3FFu;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return detail::float_of(sign | detail::bits_of(magnitude));
  }
  const uint32_t widened = exponent == 31 ? 0xFFu : exponent + 112;
  return detail::float_of(sign | widened << 23 | fraction << 13);
#endif
}

/** To nearest, ties to even; NaN stays NaN, too large becomes inf. T is float, bfloat16 or float16. */
template <class T>
RLKD_HOST_DEVICE T round_to(float value);

template <>
RLKD_HOST_DEVICE float round_to<float>(float value) {
  return value;
}

template <>
RLKD_HOST_DEVICE bfloat16 round_to<bfloat16>(float value) {
#if defined(__CUDA_ARCH__)
  return {__bfloat16_as_ushort(__float2bfloat16_rn(value))};
#else
  const uint32_t bits = detail::bits_of(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return {static_cast<uint16_t>(bits >> 16 | 0x40u)};
  return {static_cast<uint16_t>(detail::rounded_shift(bits, 16))};
#endif
}

template <>
RLKD_HOST_DEVICE float16 round_to<float16>(float value) {
#if defined(__CUDA_ARCH__)
  return {__half_as_ushort(__float2half_rn(value))};
#else
  const uint32_t bits = detail::bits_of(value);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t rounded;
  if (magnitude > 0x7F800000u) {
    rounded = 0x7E00u;
  } else if (magnitude >= 0x477FF000u) {  // 65520 and more round to inf
    rounded = 0x7C00u;
  } else if (magnitude >= 0x38800000u) {  // normal: 2^-14 and more
    rounded = detail::rounded_shift(magnitude - (uint32_t{112} << 23), 13);
  } else if (magnitude >= 0x33000000u) {  // subnormal: the fraction in units of 2^-24
    const int exponent = static_cast<int>(magnitude >> 23);
    rounded = detail::rounded_shift((magnitude & 0x7FFFFFu) | 0x800000u, 126 - exponent);
  } else {  // below half of the smallest subnormal
    rounded = 0;
  }
  return {static_cast<uint16_t>(sign | rounded)};
#endif
}

}  // namespace rlkd::kernels
