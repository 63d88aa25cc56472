/*
 * The columns of a row as units of work: packs of 16 bytes where every operand is aligned for them, then single
 * elements; single elements alone where one is not. A kernel says once what happens to a unit, as floats.
 */
#pragma once

#include <type_traits>

#include "device/vector_access.cuh"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels::cuda {

/** A number of elements that is known when the kernel is compiled. */
template <int kCount>
struct Count {
  __host__ __device__ constexpr operator int() const { return kCount; }
};

/** `packs` packs from column 0 on, then the rest one by one. */
struct Columns {
  int64_t packs;
  int64_t singles;

  __host__ __device__ int64_t units() const { return packs + singles; }
};

/** Of matrices or vectors of T, null ones left out. */
template <class T, class... Operands>
Columns columns_of(int64_t cols, const Operands&... operands) {
  const auto aligned = [](const auto& operand) {
    if constexpr (std::is_pointer_v<std::decay_t<decltype(operand)>>) {
      return aligned_for_packs(operand);
    } else {
      return aligned_for_packs(operand.data, operand.rows > 1 ? operand.row_stride : 0);
    }
  };
  const int64_t packs = (aligned(operands) && ...) ? cols / Pack<T>::kSize : 0;
  return {packs, cols - packs * Pack<T>::kSize};
}

/**
 * Calls body(count, j) for units first, first + step, ...: count is the Count of its elements, j its first column.
 */
template <class T, class Body>
__device__ __forceinline__ void for_each_unit(Columns columns, int64_t first, int64_t step, Body body) {
  int64_t unit = first;
  for (; unit < columns.packs; unit += step) {
    body(Count<Pack<T>::kSize>{}, unit * Pack<T>::kSize);
  }
  for (; unit < columns.units(); unit += step) {
    body(Count<1>{}, columns.packs * Pack<T>::kSize + (unit - columns.packs));
  }
}

template <class T, int kCount>
__device__ __forceinline__ void load_floats(const T* address, float (&values)[kCount]) {
  static_assert(kCount == 1 || kCount % Pack<T>::kSize == 0, "single elements or whole packs");
  if constexpr (kCount == 1) {
    values[0] = to_float(*address);
  } else {
#pragma unroll
    for (int begin = 0; begin < kCount; begin += Pack<T>::kSize) {
      const Pack<T> pack = load_pack(address + begin);
#pragma unroll
      for (int i = 0; i < Pack<T>::kSize; ++i) values[begin + i] = to_float(pack.element[i]);
    }
  }
}

template <class T, int kCount>
__device__ __forceinline__ void store_floats(T* address, const float (&values)[kCount]) {
  static_assert(kCount == 1 || kCount == Pack<T>::kSize, "a single element or a pack");
  if constexpr (kCount == 1) {
    *address = round_to<T>(values[0]);
  } else {
    Pack<T> pack;
#pragma unroll
    for (int i = 0; i < kCount; ++i) pack.element[i] = round_to<T>(values[i]);
    store_pack(address, pack);
  }
}

}  // namespace rlkd::kernels::cuda
