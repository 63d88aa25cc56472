/*
 * Reductions over a warp and over a block, in an order that depends on the shape of the block alone: the same
 * bits in every run. Every thread of the warp or block calls them; every thread gets the result.
 */
#pragma once

#include <type_traits>

#include "device/platform.cuh"

namespace rlkd::kernels::cuda {

struct Sum {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};

/** The larger; a NaN on either side wins. */
struct Max {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
#if defined(__CUDACC__)
    if constexpr (std::is_same_v<T, float>) {
      float larger;
      asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(a), "f"(b));
      return larger;
    }
#endif
    return a > b || a != a ? a : b;
  }
};

/** The smaller; a NaN on either side wins. */
struct Min {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

/** `value` of another lane, for any trivially copyable type of a multiple of 4 bytes. */
template <class T>
__device__ __forceinline__ T shuffle_xor(T value, int lanes) {
  static_assert(sizeof(T) % 4 == 0, "shuffles move 4 bytes at a time");
  unsigned words[sizeof(T) / 4];
  memcpy(words, &value, sizeof value);
#pragma unroll
  for (size_t i = 0; i < sizeof(T) / 4; ++i) words[i] = __shfl_xor_sync(kFullWarp, words[i], lanes);
  memcpy(&value, words, sizeof value);
  return value;
}

/** op is associative and commutative (up to rounding). */
template <class T, class Operation>
__device__ __forceinline__ T warp_reduce(T value, Operation op) {
#pragma unroll
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) value = op(value, shuffle_xor(value, lanes));
  return value;
}

/**
 * Over a block of kThreads threads (x alone). `scratch`: kThreads / 32 elements of shared memory, free again
 * after the next barrier. Has two barriers, the first before it touches scratch.
 */
template <int kThreads, class T, class Operation>
__device__ __forceinline__ T block_reduce(T value, Operation op, T* scratch) {
  constexpr int kWarps = kThreads / kWarp;
  static_assert(kThreads % kWarp == 0 && kWarps <= kWarp, "whole warps, at most 32");
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  value = warp_reduce(value, op);
  __syncthreads();
  if (lane == 0) scratch[warp] = value;
  __syncthreads();
  T total = scratch[0];
#pragma unroll
  for (int i = 1; i < kWarps; ++i) total = op(total, scratch[i]);
  return total;
}

}  // namespace rlkd::kernels::cuda
