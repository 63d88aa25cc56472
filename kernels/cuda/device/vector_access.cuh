/*
 * 128-bit accesses: Pack<T> is 16 bytes of consecutive elements. Global memory is reached at full width only
 * with them; they need 16-byte alignment, so rows are split into a scalar head, packs and a scalar tail
 * (Row), or packs are used only where aligned() says so.
 */
#pragma once

#include <cstdint>

#include "device/platform.cuh"
#include "rlkd/kernels/dtypes.h"

namespace rlkd::kernels::cuda {

template <class T>
struct Pack {
  static constexpr int kSize = 16 / static_cast<int>(sizeof(T));
  T element[kSize];
};

template <class T>
__device__ __forceinline__ Pack<T> load_pack(const T* address) {
  uint4 words = *reinterpret_cast<const uint4*>(address);
#if defined(__CUDA_ARCH__)
  // Wanted all at once: otherwise nvcc may split the load by how its parts are used (seen for sm_100, sm_120).
  asm volatile("" : "+r"(words.x), "+r"(words.y), "+r"(words.z), "+r"(words.w));
#endif
  Pack<T> pack;
  memcpy(&pack, &words, sizeof pack);
  return pack;
}

template <class T>
__device__ __forceinline__ void store_pack(T* address, const Pack<T>& pack) {
  uint4 words;
  memcpy(&words, &pack, sizeof words);
  *reinterpret_cast<uint4*>(address) = words;
}

/** store_pack for global memory alone, in one instruction wherever it stands: nvcc splits the other where it loses
 * sight of the alignment (seen for sm_80 and sm_90). */
template <class T>
__device__ __forceinline__ void store_pack_global(T* address, const Pack<T>& pack) {
#if defined(__CUDA_ARCH__)
  uint4 words;
  memcpy(&words, &pack, sizeof words);
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(address)),
               "r"(words.x), "r"(words.y), "r"(words.z), "r"(words.w)
               : "memory");
#else
  store_pack(address, pack);
#endif
}

/**
 * Two elements in one store; `address` is aligned to both. The word is put together by hand: nvcc 13.0.88 loses the low
 * byte of the second where a struct of two 16-bit elements is copied (13.5 does not).
 */
template <class T>
__device__ __forceinline__ void store_pair(T* address, T first, T second) {
  if constexpr (sizeof(T) == 2) {
    *reinterpret_cast<uint32_t*>(address) = uint32_t{first.bits} | uint32_t{second.bits} << 16;
  } else {
    *reinterpret_cast<float2*>(address) = float2{first, second};
  }
}

/** Whether `address` and rows `row_stride` elements apart are all 16-byte aligned. */
template <class T>
__host__ __device__ __forceinline__ bool aligned_for_packs(const T* address, int64_t row_stride = 0) {
  return (reinterpret_cast<uintptr_t>(address) | static_cast<uintptr_t>(row_stride) * sizeof(T)) % 16 == 0;
}

/**
 * How a run of `size` elements from `data` on splits: [0, head) and [packs_end, size) are scalar, the rest
 * are whole, aligned packs.
 */
template <class T>
struct PackedRange {
  int64_t head;
  int64_t packs_end;

  __device__ __forceinline__ PackedRange(const T* data, int64_t size) {
    const int64_t misaligned = static_cast<int64_t>(reinterpret_cast<uintptr_t>(data) % 16 / sizeof(T));
    head = misaligned == 0 ? 0 : Pack<T>::kSize - misaligned;
    if (head > size) head = size;
    packs_end = head + (size - head) / Pack<T>::kSize * Pack<T>::kSize;
  }
};

}  // namespace rlkd::kernels::cuda
