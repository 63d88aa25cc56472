/*
 * A 128 x 256 tile of a matrix product by one block of 256 threads, C_mn = sum_k A_mk B_nk.
 *
 * The summed dimension is cut into steps of 64 bytes (32 16-bit elements or 16 floats). A step of A (8 KiB) and
 * of B (16 KiB) is one stage; four stages (96 KiB, what sm_120 gives a block) are filled by cp.async, three
 * steps ahead of the one that is multiplied. Eight warps, 2 x 4, own 64 x 64 elements each: 128 accumulators
 * a thread. For 16-bit elements a warp and 16 k is 8 ldmatrix.x4 and 32 mma.sync m16n8k16: 32 cycles of shared
 * memory under 64 of an sm_80's tensor cores; a block reads 24 KiB from L2 for 2.1 M flops, 85 a byte.
 * For float, fused multiply-adds in ascending k: exact float arithmetic on the same layout.
 *
 * An operand lies in memory with k along its rows (Major::k: [m][k]) or across them (Major::mn: [k][m]).
 * Its stage keeps that order in lines of 16-byte chunks, and permutes the chunks of a line (swizzle), so that
 * the eight rows of an 8 x 8 matrix, read along or across, lie in all 32 banks:
 *
 *   Major::k   64-byte lines        chunk ^ line / 2 % 4      two lines span the banks
 *   Major::mn  256 bytes or more    chunk ^ line % 8          (float, read along the lines: unpermuted)
 *
 * The accumulators keep mma.sync's layout for every type (tensor_core.cuh).
 */
#pragma once

#include "device/async_copy.cuh"
#include "device/tensor_core.cuh"
#include "device/vector_access.cuh"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels::cuda {

inline constexpr int kTileRows = 128;
inline constexpr int kTileCols = 256;
inline constexpr int kTileThreads = 256;

/** Elements of the summed dimension in a step. */
template <class T>
inline constexpr int kTileStep = 64 / static_cast<int>(sizeof(T));

enum class Major { k, mn };

/** A matrix in global memory as an operand. */
template <class T>
struct Operand {
  Matrix<const T> matrix;
  bool aligned;  // all rows at 16 bytes; elsewhere elements are copied one by one

  static Operand of(Matrix<const T> matrix) {
    return {matrix, aligned_for_packs(matrix.data, matrix.row_stride)};
  }
};

/** Which lines of an operand take part; the others are zeros. */
struct EveryLine {
  __device__ __forceinline__ bool operator()(int64_t) const { return true; }
};

/** A stage's part of one operand: kExtent rows or columns of the output by one step. */
template <class T, int kExtent, Major kMajor>
struct OperandStage {
  static constexpr int kBytes = kExtent * 64;
  static constexpr int kChunk = Pack<T>::kSize;
  static constexpr int kLineChunks = kMajor == Major::k ? 4 : kExtent / kChunk;
  static constexpr int kLines = kBytes / 16 / kLineChunks;

  /** Byte offset of a chunk. */
  static __device__ __forceinline__ int offset(int line, int chunk) {
    return (line * kLineChunks + (chunk ^ swizzle(line))) * 16;
  }

  /** Starts the copies; every thread of the block takes part. Outside of the matrix there are zeros. */
  template <class Lines>
  static __device__ __forceinline__ void load(unsigned char* stage, const Operand<T>& operand,
                                              int64_t first_line, int64_t first_element, const Lines& lines) {
    // A thread copies one column of chunks, every kPassLines lines.
    constexpr int kPassLines = kTileThreads / kLineChunks;
    static_assert(kPassLines % kSwizzlePeriod == 0,
                  "a pass is a constant number of bytes away from the next");
    const Matrix<const T>& matrix = operand.matrix;
    const int line = static_cast<int>(threadIdx.x) / kLineChunks;
    const int chunk = static_cast<int>(threadIdx.x) % kLineChunks;
    const int64_t element = first_element + chunk * kChunk;
    const int elements = static_cast<int>(max(min(matrix.cols - element, int64_t{kChunk}), int64_t{0}));
    const int lines_left = static_cast<int>(min(matrix.rows - first_line, int64_t{kLines}));
    const T* source = matrix.row(first_line + line) + element;
    unsigned char* destination = stage + offset(line, chunk);
    if (operand.aligned) {
#pragma unroll
      for (int i = 0; i < kLines; i += kPassLines) {
        const bool valid = line + i < lines_left && lines(first_line + line + i);
        async_copy_16(destination, source, valid ? elements * static_cast<int>(sizeof(T)) : 0);
        source += kPassLines * matrix.row_stride;
        destination += kPassLines * kLineChunks * 16;
      }
    } else {
#pragma unroll 1
      for (int i = 0; i < kLines; i += kPassLines) {
        const int valid = line + i < lines_left && lines(first_line + line + i) ? elements : 0;
        Pack<T> pack;
#pragma unroll
        for (int e = 0; e < kChunk; ++e) pack.element[e] = e < valid ? source[e] : T{};
        store_pack(reinterpret_cast<T*>(destination), pack);
        source += kPassLines * matrix.row_stride;
        destination += kPassLines * kLineChunks * 16;
      }
    }
  }

  /** The element at `extent` (of kExtent) and `k` (of the step). */
  static __device__ __forceinline__ const T& at(const unsigned char* stage, int extent, int k) {
    const int line = kMajor == Major::k ? extent : k;
    const int element = kMajor == Major::k ? k : extent;
    return reinterpret_cast<const T*>(stage + offset(line, element / kChunk))[element % kChunk];
  }

  /**
   * Four 8 x 8 matrices as fragments: extents `extent` to + 15, the 16 k from `k`. kExtentFirst: the second
   * matrix is the next 8 of the extent (an A fragment); otherwise the next 8 of k (two B fragments).
   */
  template <bool kExtentFirst>
  static __device__ __forceinline__ void load_fragment(unsigned (&fragment)[4], const unsigned char* stage,
                                                       int extent, int k) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int second = lane >> 3 & 1;
    const int fourth = lane >> 4;
    const int extent_chunk = kExtentFirst ? second : fourth;
    const int k_chunk = kExtentFirst ? fourth : second;
    if constexpr (kMajor == Major::k) {
      load_matrices(fragment, stage + offset(extent + extent_chunk * 8 + lane % 8, k / 8 + k_chunk));
    } else {
      load_matrices_transposed(fragment,
                               stage + offset(k + k_chunk * 8 + lane % 8, extent / 8 + extent_chunk));
    }
  }

 private:
  static constexpr int kSwizzlePeriod = sizeof(T) == 2 || kMajor == Major::k ? 8 : 1;

  static __device__ __forceinline__ int swizzle(int line) {
    if (kSwizzlePeriod == 1) return 0;
    return kMajor == Major::k ? line >> 1 & 3 : line & 7;
  }
};

/** The thread's part of a tile. */
struct TileAccumulators {
  static constexpr int kRowTiles = 4;  // of 16 rows, two of them the thread's
  static constexpr int kColTiles = 8;  // of 8 columns, two of them the thread's
  static constexpr int kThreadRows = 2 * kRowTiles;
  static constexpr int kThreadCols = 2 * kColTiles;

  float value[kRowTiles][kColTiles][4];

  static __device__ __forceinline__ int warp() { return static_cast<int>(threadIdx.x) / kWarp; }
  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % kWarp; }
  /** Place of the warp's 64 x 64 elements in the tile. */
  static __device__ __forceinline__ int warp_row() { return warp() / 4 * 64; }
  static __device__ __forceinline__ int warp_col() { return warp() % 4 * 64; }

  /** Row in the tile of the thread's row r, column of its column c. Four lanes share a row. */
  static __device__ __forceinline__ int row(int r) {
    return warp_row() + r / 2 * 16 + r % 2 * 8 + lane() / 4;
  }
  static __device__ __forceinline__ int col(int c) { return warp_col() + c / 2 * 8 + lane() % 4 * 2 + c % 2; }

  __device__ __forceinline__ float& at(int r, int c) { return value[r / 2][c / 2][r % 2 * 2 + c % 2]; }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r) {
#pragma unroll
      for (int c = 0; c < kThreadCols; ++c) at(r, c) = 0;
    }
  }
};

/** Products of one combination of layouts. */
template <class T, Major kMajorA, Major kMajorB>
struct TileProduct {
  using A = OperandStage<T, kTileRows, kMajorA>;
  using B = OperandStage<T, kTileCols, kMajorB>;
  static constexpr int kStageBytes = A::kBytes + B::kBytes;

  /** Adds one step. */
  static __device__ __forceinline__ void multiply(TileAccumulators& sum, const unsigned char* stage) {
    const unsigned char* a_stage = stage;
    const unsigned char* b_stage = stage + A::kBytes;
    if constexpr (std::is_same_v<T, float>) {
#pragma unroll 2
      for (int k = 0; k < kTileStep<T>; ++k) {
        float a[TileAccumulators::kThreadRows];
#pragma unroll
        for (int r = 0; r < TileAccumulators::kThreadRows; ++r) {
          a[r] = A::at(a_stage, TileAccumulators::row(r), k);
        }
#pragma unroll
        for (int c = 0; c < TileAccumulators::kThreadCols; ++c) {
          const float b = B::at(b_stage, TileAccumulators::col(c), k);
#pragma unroll
          for (int r = 0; r < TileAccumulators::kThreadRows; ++r) sum.at(r, c) = fmaf(a[r], b, sum.at(r, c));
        }
      }
    } else {
#pragma unroll
      for (int k = 0; k < kTileStep<T>; k += 16) {
        unsigned a[TileAccumulators::kRowTiles][4];
#pragma unroll
        for (int i = 0; i < TileAccumulators::kRowTiles; ++i) {
          A::template load_fragment<true>(a[i], a_stage, TileAccumulators::warp_row() + i * 16, k);
        }
#pragma unroll
        for (int j = 0; j < TileAccumulators::kColTiles; j += 2) {
          unsigned b[4];
          B::template load_fragment<false>(b, b_stage, TileAccumulators::warp_col() + j * 8, k);
          const unsigned left[] = {b[0], b[1]};
          const unsigned right[] = {b[2], b[3]};
#pragma unroll
          for (int i = 0; i < TileAccumulators::kRowTiles; ++i) {
            multiply_add<T>(sum.value[i][j], a[i], left);
            multiply_add<T>(sum.value[i][j + 1], a[i], right);
          }
        }
      }
    }
  }
};

inline constexpr int kTileStages = 4;
inline constexpr size_t kTileSharedBytes = kTileStages * (kTileRows + kTileCols) * 64;
static_assert(kTileSharedBytes <= 99 * 1024, "sm_120");

/**
 * The ring of stages in dynamic shared memory (kTileSharedBytes). Load is called with a stage's memory, once for
 * every step in order, and starts the step's copies, or none after the last.
 */
template <class Load>
class TileStages {
 public:
  static constexpr int kBytes = static_cast<int>(kTileSharedBytes / kTileStages);

  __device__ __forceinline__ explicit TileStages(const Load& load)
      : load_(load), memory_(dynamic_shared<unsigned char>()) {
#pragma unroll 1
    for (int i = 0; i < kTileStages - 1; ++i) {
      load_(memory_ + i * kBytes);
      async_commit();
    }
  }

  /**
   * The next step's stage, filled. The stage before it is free from now on for the copies that are started here:
   * between calls it is the block's to use, once all threads have met a barrier. Every thread calls.
   */
  __device__ __forceinline__ unsigned char* next() {
    async_wait<kTileStages - 2>();
    __syncthreads();
    load_(memory_ + (offset_ == 0 ? (kTileStages - 1) * kBytes : offset_ - kBytes));
    async_commit();
    unsigned char* stage = memory_ + offset_;
    offset_ = offset_ == (kTileStages - 1) * kBytes ? 0 : offset_ + kBytes;
    return stage;
  }

  /** To be called after the last step. */
  __device__ __forceinline__ void finish() { async_wait<0>(); }

 private:
  Load load_;
  unsigned char* memory_;
  int offset_ = 0;  // of the next step's stage
};

}  // namespace rlkd::kernels::cuda
