/*
 * The wrappers of tensor cores and asynchronous copies against the tables of the PTX ISA, element by element, on a
 * device or emulated: what the one does and the other imitates must be the same.
 */
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "device/launch.cuh"
#include "device/tile_product.cuh"
#include "test/support/guarded.h"

namespace rlkd::kernels::cuda {
namespace {

using test::finished;
using test::Guarded;

// "Matrix Fragments for mma.m16n8k16 with floating point type": the place of element i of a lane's fragment.
struct Place {
  int row;
  int col;
};
__host__ __device__ Place place_in_a(int lane, int i) {
  return {lane / 4 + ((i >= 2 && i < 4) || i >= 6 ? 8 : 0), lane % 4 * 2 + (i & 1) + (i >= 4 ? 8 : 0)};
}
__host__ __device__ Place place_in_b(int lane, int i) {
  return {lane % 4 * 2 + (i & 1) + (i >= 2 ? 8 : 0), lane / 4};
}
__host__ __device__ Place place_in_c(int lane, int i) {
  return {lane / 4 + (i >= 2 ? 8 : 0), lane % 4 * 2 + (i & 1)};
}

/** Whole numbers of at most 8 bits, which both types hold. */
__host__ __device__ float a_value(Place place) { return static_cast<float>(16 * place.row + place.col); }
__host__ __device__ float b_value(Place place) { return static_cast<float>(8 * place.row + place.col + 1); }

/** Packs the elements of a fragment, the first in the lower half of the first register. */
template <class T, int kRegisters>
__device__ void pack(unsigned (&fragment)[kRegisters], const float (&values)[2 * kRegisters]) {
  for (int i = 0; i < kRegisters; ++i) {
    fragment[i] = unsigned{round_to<T>(values[2 * i]).bits} | unsigned{round_to<T>(values[2 * i + 1]).bits}
                                                                  << 16;
  }
}

constexpr float kBefore = 0.5f;

/**
 * Block x: a product in which one operand is 1 at one element of one lane and 0 elsewhere, the other is full.
 * kUnitA: element x % 8 of lane x / 8 of A; otherwise element x % 4 of lane x / 4 of B.
 */
template <class T, bool kUnitA>
__global__ void __launch_bounds__(kWarp) unit_product(float* results) {
  const int lane = static_cast<int>(threadIdx.x);
  const int unit = static_cast<int>(blockIdx.x);
  float a_values[8];
  float b_values[4];
  for (int i = 0; i < 8; ++i) {
    a_values[i] = kUnitA ? (unit == lane * 8 + i ? 1.0f : 0.0f) : a_value(place_in_a(lane, i));
  }
  for (int i = 0; i < 4; ++i) {
    b_values[i] = kUnitA ? b_value(place_in_b(lane, i)) : (unit == lane * 4 + i ? 1.0f : 0.0f);
  }
  unsigned a[4];
  unsigned b[2];
  pack<T>(a, a_values);
  pack<T>(b, b_values);
  float d[4] = {kBefore, kBefore, kBefore, kBefore};
  multiply_add<T>(d, a, b);
  for (int i = 0; i < 4; ++i) results[(blockIdx.x * kWarp + lane) * 4 + i] = d[i];
}

template <class T>
void check_unit_products() {
  Guarded<float> results(kWarp * 8 * kWarp * 4);
  ASSERT_TRUE(finished(
      launch("unit_product", unit_product<T, true>, {dim3(kWarp * 8), kWarp}, nullptr, results.data())));
  for (int unit = 0; unit < kWarp * 8; ++unit) {
    const Place of_unit = place_in_a(unit / 8, unit % 8);
    for (int i = 0; i < kWarp * 4; ++i) {
      const Place place = place_in_c(i / 4, i % 4);
      const float expected = place.row == of_unit.row ? b_value({of_unit.col, place.col}) : 0;
      ASSERT_EQ(results[unit * kWarp * 4 + i], kBefore + expected)
          << "element " << unit % 8 << " of lane " << unit / 8 << " of A, element " << i % 4 << " of lane "
          << i / 4;
    }
  }
  ASSERT_TRUE(finished(
      launch("unit_product", unit_product<T, false>, {dim3(kWarp * 4), kWarp}, nullptr, results.data())));
  for (int unit = 0; unit < kWarp * 4; ++unit) {
    const Place of_unit = place_in_b(unit / 4, unit % 4);
    for (int i = 0; i < kWarp * 4; ++i) {
      const Place place = place_in_c(i / 4, i % 4);
      const float expected = place.col == of_unit.col ? a_value({place.row, of_unit.row}) : 0;
      ASSERT_EQ(results[unit * kWarp * 4 + i], kBefore + expected)
          << "element " << unit % 4 << " of lane " << unit / 4 << " of B, element " << i % 4 << " of lane "
          << i / 4;
    }
  }
}

TEST(TensorCore, product_fragments_lie_where_the_instruction_set_says_bfloat16) {
  RLKD_REQUIRE_DEVICE();
  check_unit_products<bfloat16>();
}

TEST(TensorCore, product_fragments_lie_where_the_instruction_set_says_float16) {
  RLKD_REQUIRE_DEVICE();
  check_unit_products<float16>();
}

/** Rows of the matrices in an order of their own; element: 64 matrix + 8 row + column. */
template <bool kTransposed>
__global__ void __launch_bounds__(kWarp) load_rows(unsigned* results) {
  const int lane = static_cast<int>(threadIdx.x);
  auto* rows = dynamic_shared<uint16_t>();
  uint16_t* row = rows + lane * 11 % kWarp * 8;
  for (int i = 0; i < 8; ++i) row[i] = static_cast<uint16_t>(lane * 8 + i);
  __syncthreads();
  unsigned fragment[4];
  if (kTransposed) {
    load_matrices_transposed(fragment, row);
  } else {
    load_matrices(fragment, row);
  }
  for (int i = 0; i < 4; ++i) results[lane * 4 + i] = fragment[i];
}

TEST(TensorCore, matrices_are_loaded_as_the_instruction_set_says) {
  RLKD_REQUIRE_DEVICE();
  Guarded<unsigned> results(kWarp * 4);
  const auto element = [](int matrix, int row, int col) {
    return static_cast<unsigned>(64 * matrix + 8 * row + col);
  };
  ASSERT_TRUE(
      finished(launch("load_rows", load_rows<false>, {dim3(1), kWarp, 512}, nullptr, results.data())));
  for (int i = 0; i < kWarp * 4; ++i) {
    const int lane = i / 4, matrix = i % 4;
    EXPECT_EQ(results[i],
              element(matrix, lane / 4, lane % 4 * 2) | element(matrix, lane / 4, lane % 4 * 2 + 1) << 16)
        << "matrix " << matrix << " lane " << lane;
  }
  ASSERT_TRUE(finished(launch("load_rows", load_rows<true>, {dim3(1), kWarp, 512}, nullptr, results.data())));
  for (int i = 0; i < kWarp * 4; ++i) {
    const int lane = i / 4, matrix = i % 4;
    EXPECT_EQ(results[i],
              element(matrix, lane % 4 * 2, lane / 4) | element(matrix, lane % 4 * 2 + 1, lane / 4) << 16)
        << "matrix " << matrix << " lane " << lane;
  }
}

/** Thread i copies i % 17 bytes of its 16. */
__global__ void __launch_bounds__(kWarp) copy_some(const unsigned char* source, unsigned char* destination) {
  auto* shared = dynamic_shared<unsigned char>();
  const int lane = static_cast<int>(threadIdx.x);
  async_copy_16(shared + lane * 16, source + lane * 16, lane % 17);
  async_commit();
  async_wait<0>();
  __syncthreads();
  for (int i = 0; i < 16; ++i) destination[lane * 16 + i] = shared[(kWarp - 1 - lane) * 16 + i];
}

TEST(AsyncCopy, what_is_not_valid_becomes_zero) {
  RLKD_REQUIRE_DEVICE();
  Guarded<unsigned char> source(kWarp * 16), destination(kWarp * 16);
  for (int i = 0; i < kWarp * 16; ++i) source[i] = static_cast<unsigned char>(i % 255 + 1);
  ASSERT_TRUE(finished(
      launch("copy_some", copy_some, {dim3(1), kWarp, 512}, nullptr, source.data(), destination.data())));
  for (int i = 0; i < kWarp * 16; ++i) {
    const int copied = (kWarp - 1 - i / 16) * 16 + i % 16;
    EXPECT_EQ(destination[i], i % 16 < copied / 16 % 17 ? source[copied] : 0) << "byte " << copied;
  }
}

#if !defined(__CUDACC__)

/** Shared memory has 32 banks of 4 bytes: eight 16-byte rows must lie in eight different places of 128 bytes. */
template <class Stage>
void expect_no_bank_conflicts() {
  for (int line = 0; line < Stage::kLines; line += 8) {
    for (int chunk = 0; chunk < Stage::kLineChunks; ++chunk) {
      std::set<int> places;
      for (int i = 0; i < 8; ++i) places.insert(Stage::offset(line + i, chunk) / 16 % 8);
      EXPECT_EQ(places.size(), 8u) << "lines from " << line << ", chunk " << chunk;
    }
  }
}

TEST(OperandStage, eight_rows_of_a_matrix_lie_in_all_banks) {
  expect_no_bank_conflicts<OperandStage<bfloat16, kTileRows, Major::k>>();
  expect_no_bank_conflicts<OperandStage<bfloat16, kTileCols, Major::k>>();
  expect_no_bank_conflicts<OperandStage<bfloat16, kTileRows, Major::mn>>();
  expect_no_bank_conflicts<OperandStage<bfloat16, kTileCols, Major::mn>>();
  expect_no_bank_conflicts<OperandStage<float, kTileRows, Major::k>>();
}

template <class Stage>
void expect_every_chunk_in_its_own_place() {
  std::set<int> offsets;
  for (int line = 0; line < Stage::kLines; ++line) {
    for (int chunk = 0; chunk < Stage::kLineChunks; ++chunk) offsets.insert(Stage::offset(line, chunk));
  }
  EXPECT_EQ(offsets.size(), static_cast<size_t>(Stage::kBytes / 16));
  EXPECT_EQ(*offsets.begin(), 0);
  EXPECT_EQ(*offsets.rbegin(), Stage::kBytes - 16);
}

TEST(OperandStage, chunks_fill_the_stage_without_overlap) {
  expect_every_chunk_in_its_own_place<OperandStage<bfloat16, kTileRows, Major::k>>();
  expect_every_chunk_in_its_own_place<OperandStage<bfloat16, kTileCols, Major::mn>>();
  expect_every_chunk_in_its_own_place<OperandStage<float, kTileCols, Major::k>>();
  expect_every_chunk_in_its_own_place<OperandStage<float, kTileRows, Major::mn>>();
}

__global__ void load_misaligned(unsigned* results) {
  unsigned fragment[4];
  load_matrices(fragment, dynamic_shared<unsigned char>() + 8 + threadIdx.x % 4 * 16);
  results[threadIdx.x] = fragment[0];
}

__global__ void copy_misaligned(const unsigned char* source) {
  async_copy_16(dynamic_shared<unsigned char>(), source + 2, 16);
  async_commit();
  async_wait<0>();
}

TEST(Emulation, addresses_that_a_device_refuses_end_the_launch) {
  Guarded<unsigned> results(kWarp);
  Guarded<unsigned char> source(64, 1);
  EXPECT_FALSE(launch("load_misaligned", load_misaligned, {dim3(1), kWarp, 512}, nullptr, results.data()));
  EXPECT_NE(std::string(emulation::report()).find("not a multiple of 16"), std::string::npos)
      << emulation::report();
  emulation::reset();
  EXPECT_FALSE(launch("copy_misaligned", copy_misaligned, {dim3(1), kWarp, 512}, nullptr, source.data()));
  EXPECT_NE(std::string(emulation::report()).find("not multiples of 16"), std::string::npos)
      << emulation::report();
  emulation::reset();
}

#endif

}  // namespace
}  // namespace rlkd::kernels::cuda
