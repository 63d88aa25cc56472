/*
 * A 128 x 256 tile of a matrix product by one block of 256 threads, C_mn = sum_k A_mk B_nk.
 *
 * The summed dimension is cut into steps of 64 bytes (32 16-bit elements or 16 floats). A step of A (8 KiB) and
 * of B (16 KiB) is one stage; four stages (96 KiB, what sm_120 gives a block) are filled by cp.async, three
 * steps ahead of the one that is multiplied. Eight warps, 2 x 4, own 64 x 64 elements each: 128 accumulators
 * a thread. For 16-bit elements a warp and 16 k is 8 ldmatrix.x4 and 32 mma.sync m16n8k16: 32 cycles of shared
 * memory under 64 of an sm_80's tensor cores; a block reads 24 KiB from L2 for 2.1 M flops, 85 a byte. The fragments
 * of the next 16 k are read, and the copies of a later step started, between the products of these.
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

/** A stage's part of one operand: kExtent rows or columns of the output by one step. */
template <class T, int kExtent, Major kMajor>
struct OperandStage {
  static constexpr int kBytes = kExtent * 64;
  static constexpr int kChunk = Pack<T>::kSize;
  static constexpr int kLineChunks = kMajor == Major::k ? 4 : kExtent / kChunk;
  static constexpr int kLines = kBytes / 16 / kLineChunks;
  static constexpr int kSwizzlePeriod = sizeof(T) == 2 || kMajor == Major::k ? 8 : 1;

  /** Byte offset of a chunk. */
  static __device__ __forceinline__ int offset(int line, int chunk) {
    return (line * kLineChunks + (chunk ^ swizzle(line))) * 16;
  }

  /**
   * A thread's share of a step's copies: one column of chunks, every kPassLines lines, a pass each. Outside of the
   * matrix there are zeros.
   */
  class Copies {
   public:
    static constexpr int kPassLines = kTileThreads / kLineChunks;
    static constexpr int kPasses = kLines / kPassLines;
    static_assert(kPassLines % kSwizzlePeriod == 0,
                  "a pass is a constant number of bytes away from the next");

    /** lines: a bit for each that takes part, of at most 32; the others are zeros. */
    __device__ __forceinline__ Copies(unsigned char* stage, const Operand<T>& operand, int64_t first_line,
                                      int64_t first_element, unsigned lines, bool any)
        : line_(static_cast<int>(threadIdx.x) / kLineChunks),
          pass_stride_(kPassLines * operand.matrix.row_stride),
          lines_(kMajor == Major::mn ? lines : ~0u) {
      const Matrix<const T>& matrix = operand.matrix;
      const int chunk = static_cast<int>(threadIdx.x) % kLineChunks;
      const int64_t element = first_element + chunk * kChunk;
      elements_ = static_cast<int>(max(min(matrix.cols - element, int64_t{kChunk}), int64_t{0}));
      lines_left_ = static_cast<int>(min(matrix.rows - first_line, int64_t{kLines}));
      source_ = matrix.row(first_line + line_) + element;
      destination_ = stage + offset(line_, chunk);
      packed_ = any && operand.aligned;
      if (any && !operand.aligned) copy_elements();
    }

    /** Straight code, to stand between the multiplications. */
    template <int kPass>
    __device__ __forceinline__ void start() const {
      async_copy_16_if(packed_, destination_ + kPass * kPassLines * kLineChunks * 16,
                       source_ + kPass * pass_stride_,
                       takes_part(kPass) ? elements_ * static_cast<int>(sizeof(T)) : 0);
    }

   private:
    __device__ __forceinline__ bool takes_part(int pass) const {
      const int line = line_ + pass * kPassLines;
      return line < lines_left_ && (kMajor == Major::k || (lines_ >> line & 1) != 0);
    }

    __device__ __forceinline__ void copy_elements() const {
#pragma unroll 1
      for (int pass = 0; pass < kPasses; ++pass) {
        const int valid = takes_part(pass) ? elements_ : 0;
        const T* source = source_ + pass * pass_stride_;
        Pack<T> pack;
#pragma unroll
        for (int e = 0; e < kChunk; ++e) pack.element[e] = e < valid ? source[e] : T{};
        store_pack(reinterpret_cast<T*>(destination_ + pass * kPassLines * kLineChunks * 16), pack);
      }
    }

    int line_;
    int64_t pass_stride_;
    unsigned lines_;
    int elements_;
    int lines_left_;
    const T* source_;
    unsigned char* destination_;
    bool packed_;
  };

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

  /** A thread's share of the copies of both operands. */
  struct Copies {
    typename A::Copies a;
    typename B::Copies b;
    static constexpr int kCount = A::Copies::kPasses + B::Copies::kPasses;

    /** Of [kBegin, kEnd), those that there are. */
    template <int kBegin, int kEnd>
    __device__ __forceinline__ void start() const {
      if constexpr (kBegin < kEnd && kBegin < kCount) {
        if constexpr (kBegin < A::Copies::kPasses) {
          a.template start<kBegin>();
        } else {
          b.template start<kBegin - A::Copies::kPasses>();
        }
        start<kBegin + 1, kEnd>();
      }
    }
  };

  /** What a warp multiplies of 16 k. */
  struct FragmentsA {
    unsigned row_tile[TileAccumulators::kRowTiles][4];
  };
  struct FragmentsB {
    unsigned col_tiles[TileAccumulators::kColTiles / 2][4];
  };
  static_assert(TileAccumulators::kRowTiles == TileAccumulators::kColTiles / 2, "loaded side by side");
  static constexpr int kParts = TileAccumulators::kRowTiles;

  static __device__ __forceinline__ void load(FragmentsA& a, FragmentsB& b, int part,
                                              const unsigned char* stage, int k) {
    A::template load_fragment<true>(a.row_tile[part], stage, TileAccumulators::warp_row() + part * 16, k);
    B::template load_fragment<false>(b.col_tiles[part], stage + A::kBytes,
                                     TileAccumulators::warp_col() + part * 16, k);
  }

  static __device__ __forceinline__ void multiply(TileAccumulators& sum, const FragmentsA& a,
                                                  const FragmentsB& b, int part) {
    const unsigned left[] = {b.col_tiles[part][0], b.col_tiles[part][1]};
    const unsigned right[] = {b.col_tiles[part][2], b.col_tiles[part][3]};
#pragma unroll
    for (int i = 0; i < TileAccumulators::kRowTiles; ++i) {
      multiply_add<T>(sum.value[i][2 * part], a.row_tile[i], left);
      multiply_add<T>(sum.value[i][2 * part + 1], a.row_tile[i], right);
    }
  }

  /** Adds a step of floats. */
  static __device__ __forceinline__ void multiply(TileAccumulators& sum, const unsigned char* stage) {
#pragma unroll 2
    for (int k = 0; k < kTileStep<T>; ++k) {
      float a[TileAccumulators::kThreadRows];
#pragma unroll
      for (int r = 0; r < TileAccumulators::kThreadRows; ++r) {
        a[r] = A::at(stage, TileAccumulators::row(r), k);
      }
#pragma unroll
      for (int c = 0; c < TileAccumulators::kThreadCols; ++c) {
        const float b = B::at(stage + A::kBytes, TileAccumulators::col(c), k);
#pragma unroll
        for (int r = 0; r < TileAccumulators::kThreadRows; ++r) sum.at(r, c) = fmaf(a[r], b, sum.at(r, c));
      }
    }
  }
};

inline constexpr int kTileStages = 4;
inline constexpr size_t kTileSharedBytes = kTileStages * (kTileRows + kTileCols) * 64;
static_assert(kTileSharedBytes <= 99 * 1024, "sm_120");

/**
 * The ring of stages in dynamic shared memory (kTileSharedBytes). Load has a type Product and a member
 * copies(stage), called once for every step in order: the step's Product::Copies, none after the last.
 */
template <class Load>
class TileStages {
 public:
  static constexpr int kBytes = static_cast<int>(kTileSharedBytes / kTileStages);
  using Product = typename Load::Product;
  using Copies = typename Product::Copies;

  __device__ __forceinline__ explicit TileStages(const Load& load)
      : load_(load), memory_(dynamic_shared<unsigned char>()) {
#pragma unroll 1
    for (int i = 0; i < kTileStages - 1; ++i) {
      load_.copies(memory_ + i * kBytes).template start<0, Copies::kCount>();
      async_commit();
    }
  }

  /**
   * The next step's stage, filled. The stage before it is free from now on for the copies of refill(): between
   * calls it is the block's to use, once all threads have met a barrier. Every thread calls.
   */
  __device__ __forceinline__ unsigned char* next() {
    async_wait<kTileStages - 2>();
    __syncthreads();
    free_ = memory_ + (offset_ == 0 ? (kTileStages - 1) * kBytes : offset_ - kBytes);
    unsigned char* stage = memory_ + offset_;
    offset_ = offset_ == (kTileStages - 1) * kBytes ? 0 : offset_ + kBytes;
    return stage;
  }

  /** The copies that go to the stage before next()'s, to be started and then committed, once after each next(). */
  __device__ __forceinline__ Copies refill() { return load_.copies(free_); }

  /** To be called after the last step. */
  __device__ __forceinline__ void finish() { async_wait<0>(); }

 private:
  Load load_;
  unsigned char* memory_;
  unsigned char* free_ = nullptr;
  int offset_ = 0;  // of the next step's stage
};

/** sm_80's compiler has no registers left for it in every kernel. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
inline constexpr bool kReadsFragmentsAhead = false;
#else
inline constexpr bool kReadsFragmentsAhead = true;
#endif

/**
 * Adds steps until more(), asked after each, says that there are none; returns the last one's stage. The fragments of
 * the next 16 k, beyond the barrier too, are read while those before are multiplied (kReadsFragmentsAhead), and the
 * copies of a stage start in between.
 */
template <class T, class Load, class More>
__device__ __forceinline__ unsigned char* multiply_steps(TileAccumulators& sum, TileStages<Load>& stages,
                                                         More more) {
  using Product = typename Load::Product;
  using Copies = typename Product::Copies;
  unsigned char* stage = stages.next();
  stages.refill().template start<0, Copies::kCount>();
  async_commit();
  if constexpr (std::is_same_v<T, float>) {
    Product::multiply(sum, stage);
    while (more()) {
      stage = stages.next();
      stages.refill().template start<0, Copies::kCount>();
      async_commit();
      Product::multiply(sum, stage);
    }
  } else if constexpr (!kReadsFragmentsAhead) {
    for (;;) {
      typename Product::FragmentsA a;
      typename Product::FragmentsB b;
#pragma unroll
      for (int k = 0; k < kTileStep<T>; k += 16) {
#pragma unroll
        for (int part = 0; part < Product::kParts; ++part) Product::load(a, b, part, stage, k);
#pragma unroll
        for (int part = 0; part < Product::kParts; ++part) Product::multiply(sum, a, b, part);
      }
      if (!more()) break;
      stage = stages.next();
      stages.refill().template start<0, Copies::kCount>();
      async_commit();
    }
  } else {
    static_assert(kTileStep<T> == 32 && Product::kParts == 4, "two halves of four parts");
    constexpr int kCopiesOfPart = (Copies::kCount + 3) / 4;
    typename Product::FragmentsA first, second;
    typename Product::FragmentsB b;
#pragma unroll
    for (int part = 0; part < 4; ++part) Product::load(first, b, part, stage, 0);
    for (;;) {
#pragma unroll
      for (int part = 0; part < 4; ++part) {
        Product::multiply(sum, first, b, part);
        Product::load(second, b, part, stage, 16);
      }
      if (!more()) break;
      stage = stages.next();
      const Copies copies = stages.refill();
      Product::multiply(sum, second, b, 0);
      Product::load(first, b, 0, stage, 0);
      copies.template start<0, kCopiesOfPart>();
      Product::multiply(sum, second, b, 1);
      Product::load(first, b, 1, stage, 0);
      copies.template start<kCopiesOfPart, 2 * kCopiesOfPart>();
      Product::multiply(sum, second, b, 2);
      Product::load(first, b, 2, stage, 0);
      copies.template start<2 * kCopiesOfPart, 3 * kCopiesOfPart>();
      Product::multiply(sum, second, b, 3);
      Product::load(first, b, 3, stage, 0);
      copies.template start<3 * kCopiesOfPart, 4 * kCopiesOfPart>();
      async_commit();
    }
#pragma unroll
    for (int part = 0; part < 4; ++part) Product::multiply(sum, second, b, part);
  }
  return stage;
}

}  // namespace rlkd::kernels::cuda
