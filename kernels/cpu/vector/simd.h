/*
 * A register of floats and one of doubles on the instruction set that this file is compiled for. Every file
 * of cpu/vector/ is compiled once for each instruction set, inside namespace RLKD_ISA (baseline, avx2,
 * avx512).
 *
 * Only plain types and functions of this namespace may be used in those files: an inline function of another
 * namespace (of the standard library, say) would be compiled with instructions that the linker might then
 * give to everyone.
 *
 * max(a, b) and min(a, b) give b where either is NaN.
 */
#pragma once

#include <cstdint>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace rlkd::kernels::cpu::RLKD_ISA {

#if defined(__AVX512F__)

struct Floats {
  static constexpr int64_t width = 16;
  __m512 v;

  static Floats all(float x) { return {_mm512_set1_ps(x)}; }
  static Floats load(const float* p) { return {_mm512_loadu_ps(p)}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  /** The first n < width elements; the rest is `fill`. */
  static Floats load_first(const float* p, int64_t n, float fill) {
    return {_mm512_mask_loadu_ps(_mm512_set1_ps(fill), first(n), p)};
  }
  void store_first(float* p, int64_t n) const { _mm512_mask_storeu_ps(p, first(n), v); }

 private:
  static __mmask16 first(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
};
inline Floats operator+(Floats a, Floats b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Floats operator-(Floats a, Floats b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Floats operator*(Floats a, Floats b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Floats operator/(Floats a, Floats b) { return {_mm512_div_ps(a.v, b.v)}; }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Floats max(Floats a, Floats b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Floats min(Floats a, Floats b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Floats nearest(Floats a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT)}; }
/** a * 2^n, n integral and 2^n normal. */
inline Floats scale(Floats a, Floats n) { return {_mm512_scalef_ps(a.v, n.v)}; }
/** a where x >= y or either is NaN, else 0. */
inline Floats zero_if_less(Floats x, Floats y, Floats a) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, y.v, _CMP_NLT_UQ), a.v)};
}

struct Doubles {
  static constexpr int64_t width = 8;
  __m512d v;

  static Doubles all(double x) { return {_mm512_set1_pd(x)}; }
  static Doubles load(const double* p) { return {_mm512_loadu_pd(p)}; }
  static Doubles widen(const float* p) { return {_mm512_cvtps_pd(_mm256_loadu_ps(p))}; }
  void store(double* p) const { _mm512_storeu_pd(p, v); }
};
inline Doubles operator+(Doubles a, Doubles b) { return {_mm512_add_pd(a.v, b.v)}; }
inline Doubles operator-(Doubles a, Doubles b) { return {_mm512_sub_pd(a.v, b.v)}; }
inline Doubles operator*(Doubles a, Doubles b) { return {_mm512_mul_pd(a.v, b.v)}; }
inline Doubles operator/(Doubles a, Doubles b) { return {_mm512_div_pd(a.v, b.v)}; }
inline Doubles max(Doubles a, Doubles b) { return {_mm512_max_pd(a.v, b.v)}; }
inline Doubles nearest(Doubles a) { return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEAREST_INT)}; }
inline Doubles scale(Doubles a, Doubles n) { return {_mm512_scalef_pd(a.v, n.v)}; }
inline Doubles zero_if_less(Doubles x, Doubles y, Doubles a) {
  return {_mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x.v, y.v, _CMP_NLT_UQ), a.v)};
}

#elif defined(__AVX2__)

struct Floats {
  static constexpr int64_t width = 8;
  __m256 v;

  static Floats all(float x) { return {_mm256_set1_ps(x)}; }
  static Floats load(const float* p) { return {_mm256_loadu_ps(p)}; }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  static Floats load_first(const float* p, int64_t n, float fill) {
    const __m256i mask = first(n);
    return {_mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask))};
  }
  void store_first(float* p, int64_t n) const { _mm256_maskstore_ps(p, first(n), v); }

 private:
  static __m256i first(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};
inline Floats operator+(Floats a, Floats b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Floats operator-(Floats a, Floats b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Floats operator*(Floats a, Floats b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Floats operator/(Floats a, Floats b) { return {_mm256_div_ps(a.v, b.v)}; }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Floats max(Floats a, Floats b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Floats min(Floats a, Floats b) { return {_mm256_min_ps(a.v, b.v)}; }
inline Floats nearest(Floats a) {
  return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline Floats scale(Floats a, Floats n) {
  const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
  return {_mm256_mul_ps(a.v, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)))};
}
inline Floats zero_if_less(Floats x, Floats y, Floats a) {
  return {_mm256_and_ps(_mm256_cmp_ps(x.v, y.v, _CMP_NLT_UQ), a.v)};
}

struct Doubles {
  static constexpr int64_t width = 4;
  __m256d v;

  static Doubles all(double x) { return {_mm256_set1_pd(x)}; }
  static Doubles load(const double* p) { return {_mm256_loadu_pd(p)}; }
  static Doubles widen(const float* p) { return {_mm256_cvtps_pd(_mm_loadu_ps(p))}; }
  void store(double* p) const { _mm256_storeu_pd(p, v); }
};
inline Doubles operator+(Doubles a, Doubles b) { return {_mm256_add_pd(a.v, b.v)}; }
inline Doubles operator-(Doubles a, Doubles b) { return {_mm256_sub_pd(a.v, b.v)}; }
inline Doubles operator*(Doubles a, Doubles b) { return {_mm256_mul_pd(a.v, b.v)}; }
inline Doubles operator/(Doubles a, Doubles b) { return {_mm256_div_pd(a.v, b.v)}; }
inline Doubles max(Doubles a, Doubles b) { return {_mm256_max_pd(a.v, b.v)}; }
inline Doubles nearest(Doubles a) {
  return {_mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline Doubles scale(Doubles a, Doubles n) {
  const __m256i exponent =
      _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(n.v)), _mm256_set1_epi64x(1023));
  return {_mm256_mul_pd(a.v, _mm256_castsi256_pd(_mm256_slli_epi64(exponent, 52)))};
}
inline Doubles zero_if_less(Doubles x, Doubles y, Doubles a) {
  return {_mm256_and_pd(_mm256_cmp_pd(x.v, y.v, _CMP_NLT_UQ), a.v)};
}

#else

/** Portable: arrays, which compilers turn into the vector instructions that every CPU of the platform has. */
template <class T, int N>
struct Lanes {
  static constexpr int64_t width = N;
  T v[N];

  template <class F>
  static Lanes each(F f) {
    Lanes r;
    for (int i = 0; i < N; ++i) r.v[i] = f(i);
    return r;
  }
  static Lanes all(T x) {
    return each([&](int) { return x; });
  }
  static Lanes load(const T* p) {
    return each([&](int i) { return p[i]; });
  }
  static Lanes load_first(const T* p, int64_t n, T fill) {
    return each([&](int i) { return i < n ? p[i] : fill; });
  }
  static Lanes widen(const float* p) {
    return each([&](int i) { return static_cast<T>(p[i]); });
  }
  void store(T* p) const { store_first(p, N); }
  void store_first(T* p, int64_t n) const {
    for (int64_t i = 0; i < n; ++i) p[i] = v[i];
  }
};
using Floats = Lanes<float, 4>;
using Doubles = Lanes<double, 2>;

template <class T, int N>
Lanes<T, N> operator+(Lanes<T, N> a, Lanes<T, N> b) {
  return a.each([&](int i) { return a.v[i] + b.v[i]; });
}
template <class T, int N>
Lanes<T, N> operator-(Lanes<T, N> a, Lanes<T, N> b) {
  return a.each([&](int i) { return a.v[i] - b.v[i]; });
}
template <class T, int N>
Lanes<T, N> operator*(Lanes<T, N> a, Lanes<T, N> b) {
  return a.each([&](int i) { return a.v[i] * b.v[i]; });
}
template <class T, int N>
Lanes<T, N> operator/(Lanes<T, N> a, Lanes<T, N> b) {
  return a.each([&](int i) { return a.v[i] / b.v[i]; });
}
// A float product is exact in double: rounded (almost always) once, as by a fused multiply-add.
inline Floats multiply_add(Floats a, Floats b, Floats c) {
  return a.each([&](int i) { return static_cast<float>(static_cast<double>(a.v[i]) * b.v[i] + c.v[i]); });
}
template <class T, int N>
Lanes<T, N> max(Lanes<T, N> a, Lanes<T, N> b) {
  return a.each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
template <class T, int N>
Lanes<T, N> min(Lanes<T, N> a, Lanes<T, N> b) {
  return a.each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
// Adding and taking away 1.5 * 2^(mantissa bits) rounds |x| < 2^(mantissa bits - 1) to the nearest integer.
inline Floats nearest(Floats a) {
  const Floats magic = Floats::all(12582912.0f);
  return (a + magic) - magic;
}
inline Doubles nearest(Doubles a) {
  const Doubles magic = Doubles::all(6755399441055744.0);
  return (a + magic) - magic;
}
inline Floats scale(Floats a, Floats n) {
  return a.each([&](int i) {
    // NaN has no integer: any power of two keeps a NaN.
    const int32_t exponent = n.v[i] == n.v[i] ? static_cast<int32_t>(n.v[i]) : 0;
    const uint32_t bits = static_cast<uint32_t>(exponent + 127) << 23;
    float power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return a.v[i] * power;
  });
}
inline Doubles scale(Doubles a, Doubles n) {
  return a.each([&](int i) {
    const int64_t exponent = n.v[i] == n.v[i] ? static_cast<int64_t>(n.v[i]) : 0;
    const uint64_t bits = static_cast<uint64_t>(exponent + 1023) << 52;
    double power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return a.v[i] * power;
  });
}
template <class T, int N>
Lanes<T, N> zero_if_less(Lanes<T, N> x, Lanes<T, N> y, Lanes<T, N> a) {
  return a.each([&](int i) { return x.v[i] < y.v[i] ? T{0} : a.v[i]; });
}

#endif

/** Sum of the lanes, in lane order. */
inline float sum(Floats a) {
  float lanes[Floats::width];
  a.store(lanes);
  float total = lanes[0];
  for (int64_t i = 1; i < Floats::width; ++i) total += lanes[i];
  return total;
}
inline double sum(Doubles a) {
  double lanes[Doubles::width];
  a.store(lanes);
  double total = lanes[0];
  for (int64_t i = 1; i < Doubles::width; ++i) total += lanes[i];
  return total;
}
/** Largest lane; NaN lanes do not count. */
inline float largest(Floats a) {
  float lanes[Floats::width];
  a.store(lanes);
  float value = lanes[0];
  for (int64_t i = 1; i < Floats::width; ++i) value = lanes[i] > value || value != value ? lanes[i] : value;
  return value;
}

/**
 * e^x for x <= 88, error below 2 ulp; below e^-87.3 the result is 0 (no subnormals). NaN stays NaN.
 * Cody-Waite reduction x = n ln 2 + r, |r| <= ln 2 / 2, and the polynomial of Cephes' expf.
 */
inline Floats exp(Floats x) {
  const Floats lowest = Floats::all(-87.33654f);  // log of the smallest normal number
  const Floats y = max(lowest, min(Floats::all(88.0f), x));
  const Floats n = nearest(y * Floats::all(1.44269504088896341f));
  Floats r = multiply_add(n, Floats::all(-0.693359375f), y);
  r = multiply_add(n, Floats::all(2.12194440e-4f), r);
  Floats p = Floats::all(1.9875691500e-4f);
  p = multiply_add(p, r, Floats::all(1.3981999507e-3f));
  p = multiply_add(p, r, Floats::all(8.3334519073e-3f));
  p = multiply_add(p, r, Floats::all(4.1665795894e-2f));
  p = multiply_add(p, r, Floats::all(1.6666665459e-1f));
  p = multiply_add(p, r, Floats::all(5.0000001201e-1f));
  p = multiply_add(p, r * r, r) + Floats::all(1.0f);
  return zero_if_less(x, lowest, scale(p, n));
}

/** e^x for x <= 0, error below 2 ulp; below e^-708 the result is 0. NaN stays NaN. Cephes' exp. */
inline Doubles exp(Doubles x) {
  const Doubles lowest = Doubles::all(-708.0);
  const Doubles y = max(lowest, x);
  const Doubles n = nearest(y * Doubles::all(1.4426950408889634073599));
  const Doubles r = (y - n * Doubles::all(6.93145751953125e-1)) - n * Doubles::all(1.42860682030941723212e-6);
  const Doubles rr = r * r;
  const Doubles p =
      r * ((Doubles::all(1.26177193074810590878e-4) * rr + Doubles::all(3.02994407707441961300e-2)) * rr +
           Doubles::all(9.99999999999999999910e-1));
  const Doubles q =
      ((Doubles::all(3.00198505138664455042e-6) * rr + Doubles::all(2.52448340349684104192e-3)) * rr +
       Doubles::all(2.27265548208155028766e-1)) *
          rr +
      Doubles::all(2.0);
  const Doubles e = Doubles::all(1.0) + (p + p) / (q - p);
  return zero_if_less(x, lowest, scale(e, n));
}

}  // namespace rlkd::kernels::cpu::RLKD_ISA
