/*
 * The part of CUDA C++ that the kernels use, for the C++ compiler: the .cu files see this in place of
 * cuda_runtime.h. Every function means what the CUDA Programming Guide says it means; what is not here is not
 * used by the kernels.
 */
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "emulation/executor.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __constant__ static
#define __align__(n) alignas(n)
// Blocks run one by one, so what is static to the process is shared by the block.
#define __shared__ static

#define threadIdx (::rlkd::emulation::current->thread_index)
#define blockIdx (::rlkd::emulation::current->block_index)
#define blockDim (::rlkd::emulation::current->block_extent)
#define gridDim (::rlkd::emulation::current->grid_extent)
inline constexpr int warpSize = 32;

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }

/* ---- Block and warp ------------------------------------------------------------------------------------------ */

#define __syncthreads() ::rlkd::emulation::barrier({__FILE__, __LINE__})

inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, const char* file = __builtin_FILE(),
                       int line = __builtin_LINE()) {
  ::rlkd::emulation::warp_barrier(mask, {file, line});
}
inline void __threadfence() { ::rlkd::emulation::thread_fence(); }
inline void __threadfence_block() {}

namespace rlkd::emulation {

/** Lane `source`'s value; a lane outside of the mask has none to give. */
template <class T>
__attribute__((no_sanitize("thread"))) T shuffled(unsigned mask, const T& value, unsigned source, Site site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  const WarpValues& values = warp_exchange(mask, &value, sizeof value, site);
  if ((mask >> source & 1) == 0) fault("shuffles from a lane that is not in the mask");
  T result;
  std::memcpy(&result, values.lane[source], sizeof result);
  return result;
}

}  // namespace rlkd::emulation

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, const char* file = __builtin_FILE(),
              int line = __builtin_LINE()) {
  const unsigned segment = ::rlkd::emulation::lane() & ~static_cast<unsigned>(width - 1);
  return ::rlkd::emulation::shuffled(
      mask, value, segment + (static_cast<unsigned>(source) & static_cast<unsigned>(width - 1)),
      {file, line});
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  const unsigned lane = ::rlkd::emulation::lane();
  const unsigned source = lane ^ static_cast<unsigned>(lanes);
  const unsigned end = (lane | static_cast<unsigned>(width - 1)) + 1;
  return ::rlkd::emulation::shuffled(mask, value, source < end ? source : lane, {file, line});
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  const unsigned lane = ::rlkd::emulation::lane();
  const unsigned end = (lane | static_cast<unsigned>(width - 1)) + 1;
  return ::rlkd::emulation::shuffled(mask, value, lane + delta < end ? lane + delta : lane, {file, line});
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
  const unsigned lane = ::rlkd::emulation::lane();
  const unsigned begin = lane & ~static_cast<unsigned>(width - 1);
  return ::rlkd::emulation::shuffled(mask, value, lane >= begin + delta ? lane - delta : lane, {file, line});
}
__attribute__((no_sanitize("thread"))) inline unsigned __ballot_sync(unsigned mask, int predicate,
                                                                     const char* file = __builtin_FILE(),
                                                                     int line = __builtin_LINE()) {
  const unsigned char vote = predicate != 0;
  const auto& values = ::rlkd::emulation::warp_exchange(mask, &vote, sizeof vote, {file, line});
  unsigned ballot = 0;
  for (unsigned i = 0; i < 32; ++i) ballot |= static_cast<unsigned>(values.lane[i][0]) << i;
  return ballot & mask;
}
inline int __any_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(),
                      int line = __builtin_LINE()) {
  return __ballot_sync(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(),
                      int line = __builtin_LINE()) {
  return __ballot_sync(mask, predicate, file, line) == mask;
}

/* ---- Atomics: the old value is returned ---------------------------------------------------------------------- */

namespace rlkd::emulation {

template <class T, class Change>
__attribute__((no_sanitize("thread"))) T atomically(T* address, Change change) {
  observed_atomic(address, sizeof *address);
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace rlkd::emulation

template <class T>
T atomicAdd(T* address, T value) {
  return ::rlkd::emulation::atomically(address, [value](T old) { return static_cast<T>(old + value); });
}
template <class T>
T atomicMax(T* address, T value) {
  return ::rlkd::emulation::atomically(address, [value](T old) { return std::max(old, value); });
}
template <class T>
T atomicMin(T* address, T value) {
  return ::rlkd::emulation::atomically(address, [value](T old) { return std::min(old, value); });
}
template <class T>
T atomicOr(T* address, T value) {
  return ::rlkd::emulation::atomically(address, [value](T old) { return static_cast<T>(old | value); });
}
template <class T>
T atomicExch(T* address, T value) {
  return ::rlkd::emulation::atomically(address, [value](T) { return value; });
}
template <class T>
T atomicCAS(T* address, T compare, T value) {
  return ::rlkd::emulation::atomically(address, [=](T old) { return old == compare ? value : old; });
}

/* ---- Arithmetic and memory ----------------------------------------------------------------------------------- */

template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
void __stcs(T* address, T value) {
  *address = value;
}

using std::isfinite;
using std::isinf;
using std::isnan;
using std::max;
using std::min;

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }

namespace rlkd::emulation {
template <class To, class From>
To same_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}
}  // namespace rlkd::emulation

inline int __float_as_int(float x) { return ::rlkd::emulation::same_bits<int>(x); }
inline unsigned __float_as_uint(float x) { return ::rlkd::emulation::same_bits<unsigned>(x); }
inline float __int_as_float(int x) { return ::rlkd::emulation::same_bits<float>(x); }
inline float __uint_as_float(unsigned x) { return ::rlkd::emulation::same_bits<float>(x); }
inline long long __double_as_longlong(double x) { return ::rlkd::emulation::same_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return ::rlkd::emulation::same_bits<double>(x); }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
