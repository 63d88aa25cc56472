/*
 * Tensor cores: ldmatrix and mma.sync m16n8k16, one wrapper each. All 32 lanes of a warp call them together.
 *
 * Fragments (PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type"): with g = lane / 4 and
 * t = lane % 4, registers of two 16-bit elements, the lower-indexed in the lower half,
 *
 *   A 16 x 16   a[0]: row g,     columns 2t, 2t+1      a[1]: row g + 8, the same columns
 *               a[2]: row g,     columns 2t+8, 2t+9    a[3]: row g + 8, the same columns
 *   B 16 x 8    b[0]: rows 2t, 2t+1,  column g         b[1]: rows 2t+8, 2t+9, column g
 *   C, D 16 x 8 d[0], d[1]: row g, columns 2t, 2t+1    d[2], d[3]: row g + 8, the same columns
 *
 * and an 8 x 8 matrix of ldmatrix gives a lane row g, columns 2t and 2t+1; transposed, rows 2t and 2t+1 of
 * column g. Four matrices are read at once; lane l holds the address of row l % 8 of matrix l / 8.
 *
 * Sums are float. The emulation adds the 16 exact products and the accumulator in double and rounds once; a
 * device aligns and truncates them, in an order that is not documented.
 */
#pragma once

#include "device/platform.cuh"
#include "rlkd/kernels/dtypes.h"

namespace rlkd::kernels::cuda {

#if !defined(__CUDACC__)

namespace emulated {

struct RowAddresses {
  const unsigned char* lane[kWarp];
};

__attribute__((no_sanitize("thread"))) inline RowAddresses row_addresses(const void* row) {
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0) {
    ::rlkd::emulation::fault("loads a matrix row at an address that is not a multiple of 16");
  }
  const auto& values = ::rlkd::emulation::warp_exchange(kFullWarp, &row, sizeof row, {__FILE__, __LINE__});
  RowAddresses addresses;
  for (int i = 0; i < kWarp; ++i) memcpy(&addresses.lane[i], values.lane[i], sizeof row);
  return addresses;
}

/** A and B of the warp, row by row. */
struct Operands {
  float a[16][16];
  float b[16][8];
};

template <class T>
__attribute__((no_sanitize("thread"))) Operands gather(const unsigned (&a)[4], const unsigned (&b)[2]) {
  struct Fragments {
    T a[4][2];
    T b[2][2];
  } own;
  memcpy(own.a, a, sizeof own.a);
  memcpy(own.b, b, sizeof own.b);
  const auto& values = ::rlkd::emulation::warp_exchange(kFullWarp, &own, sizeof own, {__FILE__, __LINE__});
  const int self = static_cast<int>(::rlkd::emulation::lane());
  Operands operands;
  for (int lane = 0; lane < kWarp; ++lane) {
    const int g = lane / 4;
    const int t = lane % 4;
    Fragments of_lane;
    memcpy(&of_lane, values.lane[lane], sizeof of_lane);
    for (int half = 0; half < 2; ++half) {
      if (g == self / 4) {  // the rows of this lane's results
        for (int i = 0; i < 4; ++i)
          operands.a[g + i % 2 * 8][2 * t + half + i / 2 * 8] = to_float(of_lane.a[i][half]);
      }
      if (g / 2 == self % 4) {  // their columns
        for (int i = 0; i < 2; ++i) operands.b[2 * t + half + i * 8][g] = to_float(of_lane.b[i][half]);
      }
    }
  }
  return operands;
}

}  // namespace emulated

#endif

/** `row`: this lane's row address, 16-byte aligned shared memory. */
__device__ __forceinline__ void load_matrices(unsigned (&fragment)[4], const void* row) {
#if defined(__CUDACC__)
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(address)
               : "memory");
#else
  const emulated::RowAddresses rows = emulated::row_addresses(row);
  const int lane = static_cast<int>(::rlkd::emulation::lane());
  for (int matrix = 0; matrix < 4; ++matrix) {
    fragment[matrix] = *reinterpret_cast<const unsigned*>(rows.lane[8 * matrix + lane / 4] + lane % 4 * 4);
  }
#endif
}

__device__ __forceinline__ void load_matrices_transposed(unsigned (&fragment)[4], const void* row) {
#if defined(__CUDACC__)
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(address)
               : "memory");
#else
  const emulated::RowAddresses rows = emulated::row_addresses(row);
  const int lane = static_cast<int>(::rlkd::emulation::lane());
  for (int matrix = 0; matrix < 4; ++matrix) {
    const auto element = [&](int half) {
      return unsigned{
          *reinterpret_cast<const uint16_t*>(rows.lane[8 * matrix + lane % 4 * 2 + half] + lane / 4 * 2)};
    };
    fragment[matrix] = element(0) | element(1) << 16;
  }
#endif
}

/** d += a b; T is bfloat16 or float16. */
template <class T>
__device__ __forceinline__ void multiply_add(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  static_assert(sizeof(T) == 2, "bfloat16 or float16");
#if defined(__CUDACC__)
  if constexpr (std::is_same_v<T, bfloat16>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#else
  const emulated::Operands operands = emulated::gather<T>(a, b);
  const int lane = static_cast<int>(::rlkd::emulation::lane());
  for (int i = 0; i < 4; ++i) {
    const int row = lane / 4 + i / 2 * 8;
    const int column = lane % 4 * 2 + i % 2;
    double sum = d[i];
    for (int k = 0; k < 16; ++k) sum += static_cast<double>(operands.a[row][k]) * operands.b[k][column];
    d[i] = static_cast<float>(sum);
  }
#endif
}

}  // namespace rlkd::kernels::cuda
