/*
 * linear_logprob on a device: the output layer and its log-probabilities without the logits in memory.
 *
 *   logits_ij = hidden_i . weight_j, then logprob, entropy and logsumexp of a row as in logprob.cu
 *
 * Forward. A block computes a tile of 128 x 256 logits in registers (device/tile_product.cuh) and reduces each
 * row's 256 logits to the three statistics of the online softmax (device/softmax.cuh), 12 bytes, which go to
 * the workspace with the logit of the row's own token; a second kernel merges a row's statistics, a warp a row,
 * in an order that depends on vocab alone. The grid covers rows and vocabulary, so that one tile of rows over
 * 152k tokens is 594 blocks; blocks of 16 row tiles run together and share the weight in L2. A block takes up
 * to 8 tiles in a row if there are enough blocks; the copies of the next tile then run under the softmax of the
 * last.
 *
 * Backward. Blocks of 2048 rows x 8192 tokens, one after another, three products each:
 *
 *   1  the tile's logits again, from them dlogits in registers, rounded to T, to the workspace (32 MiB of 16-bit
 *      numbers: they stay in L2 of an H100), and for each tile whether it holds anything
 *   2  sums += dlogits weight, float [splits, 2048, hidden], in the workspace
 *   3  dweight += dlogits^T hidden
 *
 * and after the last block of tokens dhidden = the splits' sums in order, rounded once. The tokens are split for
 * product 2 if hidden is small, so that 1024 rows are at least 72 blocks. 2 and 3 pass over the tiles of 1 that
 * hold nothing: rows without a gradient and, with skip_below, tiles of small probabilities.
 * Nothing is added atomically: the same bits in every run. Sums are cut at 8192 / splits tokens and 2048 rows and
 * joined by rounded additions, which keeps the tensor cores' truncation of long sums small.
 *
 * Stability: the exponent's argument is a difference of float sums before anything is exponentiated; dlogits come
 * from log p, never from a quotient of exponentials. The logits carry the rounding of a float sum of `hidden`
 * exact products (16-bit inputs), as a GEMM with float output has; a GEMM that stores bfloat16 logits loses 2^-9
 * of each.
 *
 * float inputs: exact float fused multiply-adds on the CUDA cores, not 3xTF32. It is the type of checking and of
 * small models; 3xTF32 would be about 2.5 times as fast on sm_80 and sm_90 for an error of 2^-21 in every product.
 *
 * Budget of every tile kernel: 96 KiB of shared memory, 210 to 255 registers a thread without spills, so one block
 * of 8 warps a multiprocessor; three steps of copies in flight, fragments read 16 k ahead and two warps a scheduler
 * hide the latencies.
 *
 * Least work: forward 2 rows vocab hidden flops, (rows + vocab) hidden sizeof(T) bytes; backward 6 rows vocab hidden
 * flops (4 if dhidden or dweight is not wanted), the same bytes read, rows hidden sizeof(T) + 8 vocab hidden bytes
 * written and read. 16-bit weights give rows flops for each of their bytes: below about 300 rows an H100 waits for
 * memory, above for its tensor cores. wgmma, tcgen05 and TMA are not used; mma.sync reaches about two thirds of an
 * H100's rate at best.
 *
 * Measured on an H100 (SXM, bfloat16): forward 260 TFLOP/s for 1024 rows of hidden 896, 295 for 8192, 340 for hidden
 * 2048 and 4096, where the tensor cores are busy half of the cycles; backward 173, 200, 261 and 284. 7 stages in place
 * of 4 gain nothing; two blocks of 128 x 128 tiles a multiprocessor gain 7 % of the first figure and lose 2 to 11 %
 * of the others.
 *
 * The idea is that of cut-cross-entropy (Wijmans et al., arXiv 2411.09009): logits in on-chip tiles, recomputed
 * for the gradient, tiles of negligible gradient filtered. Different here: temperature and entropy with its
 * gradient; a probability as the threshold, 0 by default, with a bound of the error (there 2^-12 by default), and
 * never a tile that holds a row's own token; sums in a fixed order (there locked additions in the order that
 * blocks finish in); the bounded dlogits in L2, so that the gradient is three products and each at the full
 * rate, where a fully fused kernel must read and write dhidden and dweight for every tile; no sorting of the
 * vocabulary.
 */
#include <algorithm>

#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "device/softmax.cuh"
#include "device/tile_product.cuh"
#include "rlkd/kernels/linear_logprob.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int kRowTilesTogether = 16;  // their hidden rows, 16 MiB at hidden 4096, stay in L2
constexpr int64_t kMostTilesOfBlock = 8;
constexpr int64_t kEnoughBlocks = 4;  // for each multiprocessor: the last ones cost a few percent

constexpr int64_t kBlockRows = 2048;  // of the backward pass; whole tiles
constexpr int64_t kBlockTokens = 8192;

constexpr int kElementThreads = 256;

__host__ __device__ constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr size_t aligned_size(size_t bytes) { return (bytes + 255) / 256 * 256; }

/* ---- Tiles of logits ----------------------------------------------------------------------------------------- */

/** The output layer for some rows and some tokens, and how blocks share its tiles. */
template <class T>
struct Layer {
  Operand<T> hidden;
  Operand<T> weight;
  const int64_t* tokens;  // of the rows
  int64_t first_token;    // of `weight`
  int tiles_of_block;

  Layer(Matrix<const T> hidden_rows, Matrix<const T> weight_rows, const int64_t* row_tokens,
        int64_t first_weight)
      : hidden(Operand<T>::of(hidden_rows)),
        weight(Operand<T>::of(weight_rows)),
        tokens(row_tokens),
        first_token(first_weight) {
    tiles_of_block = static_cast<int>(std::clamp(
        row_tiles() * token_tiles() / (kEnoughBlocks * multiprocessors()), int64_t{1}, kMostTilesOfBlock));
  }

  __host__ __device__ int64_t rows() const { return hidden.matrix.rows; }
  __host__ __device__ int64_t vocab() const { return weight.matrix.rows; }
  __host__ __device__ int64_t row_tiles() const { return ceil_div(rows(), kTileRows); }
  __host__ __device__ int64_t token_tiles() const { return ceil_div(vocab(), kTileCols); }
  __host__ __device__ int64_t runs() const { return ceil_div(token_tiles(), tiles_of_block); }
  int64_t blocks() const { return row_tiles() * runs(); }
};

/** A block's tiles: one row tile, a run of token tiles. Neighbouring blocks share the tokens. */
struct TileRun {
  int row_tile;
  int begin;
  int end;

  template <class T>
  static __device__ __forceinline__ TileRun of_block(const Layer<T>& layer) {
    const auto runs = static_cast<unsigned>(layer.runs());
    const auto row_tiles = static_cast<unsigned>(layer.row_tiles());
    const unsigned whole = kRowTilesTogether * runs;
    const unsigned first = blockIdx.x / whole * kRowTilesTogether;
    const unsigned together = min(unsigned{kRowTilesTogether}, row_tiles - first);
    const int begin = static_cast<int>(blockIdx.x % whole / together) * layer.tiles_of_block;
    return {static_cast<int>(first + blockIdx.x % whole % together), begin,
            min(begin + layer.tiles_of_block, static_cast<int>(layer.token_tiles()))};
  }
};

template <class T>
struct LoadLogits {
  using Product = TileProduct<T, Major::k, Major::k>;
  const Layer<T>& layer;
  TileRun run;
  int k;

  __device__ __forceinline__ typename Product::Copies copies(unsigned char* stage) {
    using A = typename Product::A;
    const bool any = run.begin < run.end;
    const int64_t row = int64_t{run.row_tile} * kTileRows;
    const int64_t token = int64_t{run.begin} * kTileCols;
    const int step = k;
    const bool last = step + kTileStep<T> >= layer.hidden.matrix.cols;
    k = last ? 0 : step + kTileStep<T>;
    run.begin += last && any;
    return {{stage, layer.hidden, row, step, ~0u, any},
            {stage + A::kBytes, layer.weight, token, step, ~0u, any}};
  }
};

/**
 * Calls finish(tile, logits, scratch) for each of the block's tiles of logits; tokens past the vocabulary are
 * -inf. scratch: a stage of shared memory, free until finish returns; the block has met a barrier.
 */
template <class T, class Finish>
__device__ __forceinline__ void for_each_tile(const Layer<T>& layer, const TileRun& run,
                                              const Finish& finish) {
  TileStages<LoadLogits<T>> stages(LoadLogits<T>{layer, run, 0});
  for (int tile = run.begin; tile < run.end; ++tile) {
    TileAccumulators logits;
    logits.clear();
    int k = 0;
    unsigned char* stage = multiply_steps<T>(logits, stages, [&] {
      k += kTileStep<T>;
      return k < layer.hidden.matrix.cols;
    });
    const int64_t tokens_left = layer.vocab() - int64_t{tile} * kTileCols;
    if (tokens_left < kTileCols) {
#pragma unroll
      for (int c = 0; c < TileAccumulators::kThreadCols; ++c) {
        if (TileAccumulators::col(c) < tokens_left) continue;
#pragma unroll
        for (int r = 0; r < TileAccumulators::kThreadRows; ++r) logits.at(r, c) = -INFINITY;
      }
    }
    __syncthreads();
    finish(tile, logits, stage);
  }
  stages.finish();
}

/** The thread's column that holds the row's own token in this tile, -1 if none does. */
template <class T>
__device__ __forceinline__ int own_thread_col(const Layer<T>& layer, int64_t row, int tile) {
  const int64_t from_tile = layer.tokens[row] - layer.first_token - int64_t{tile} * kTileCols;
  if (from_tile < 0 || from_tile >= kTileCols) return -1;
  const int from_first = static_cast<int>(from_tile) - TileAccumulators::col(0);
  if (from_first < 0 || from_first >= 64 || (from_first & 6) != 0) return -1;
  return from_first / 8 * 2 + from_first % 8;
}

/* ---- Forward ------------------------------------------------------------------------------------------------- */

struct ForwardWorkspace {
  Statistics* partial;  // [rows, token tiles]
  float* token_logit;   // [rows]
};

template <class T>
__global__ void __launch_bounds__(kTileThreads, 1)
    statistics_kernel(Layer<T> layer, float inverse_temperature, ForwardWorkspace workspace) {
  constexpr int kWarpCols = 4;
  const MergeStatistics merge{inverse_temperature};
  const TileRun run = TileRun::of_block(layer);
  const int64_t first_row = int64_t{run.row_tile} * kTileRows;
  for_each_tile(layer, run, [&](int tile, TileAccumulators& logits, unsigned char* scratch) {
    auto* of_warp = reinterpret_cast<Statistics*>(scratch);  // [kTileRows, kWarpCols]
    int own[TileAccumulators::kThreadRows];
#pragma unroll
    for (int r = 0; r < TileAccumulators::kThreadRows; ++r) {
      const int64_t row = first_row + TileAccumulators::row(r);
      own[r] = row < layer.rows() ? own_thread_col(layer, row, tile) : -1;
    }
#pragma unroll
    for (int r = 0; r < TileAccumulators::kThreadRows; ++r) {
      const int row = TileAccumulators::row(r);
      float values[TileAccumulators::kThreadCols];
#pragma unroll
      for (int c = 0; c < TileAccumulators::kThreadCols; ++c) values[c] = logits.at(r, c);
      float token_logit = values[0];
#pragma unroll
      for (int c = 1; c < TileAccumulators::kThreadCols; ++c)
        token_logit = c == own[r] ? values[c] : token_logit;
      if (own[r] >= 0) workspace.token_logit[first_row + row] = token_logit;
      Statistics statistics = Statistics::none();
      statistics.add(values, inverse_temperature);
      statistics = merge(statistics, shuffle_xor(statistics, 1));
      statistics = merge(statistics, shuffle_xor(statistics, 2));
      if (TileAccumulators::lane() % 4 == 0) {
        of_warp[row * kWarpCols + TileAccumulators::warp_col() / 64] = statistics;
      }
    }
    __syncthreads();
    const int row = static_cast<int>(threadIdx.x);
    if (row < kTileRows && first_row + row < layer.rows()) {
      Statistics statistics = of_warp[row * kWarpCols];
#pragma unroll
      for (int i = 1; i < kWarpCols; ++i) statistics = merge(statistics, of_warp[row * kWarpCols + i]);
      workspace.partial[(first_row + row) * layer.token_tiles() + tile] = statistics;
    }
  });
}

/** A warp merges a row. */
__global__ void __launch_bounds__(kElementThreads)
    merge_kernel(int64_t rows, int64_t tiles, float temperature, ForwardWorkspace workspace,
                 LogprobOutputs outputs) {
  const int64_t row = (int64_t{blockIdx.x} * kElementThreads + threadIdx.x) / kWarp;
  if (row >= rows) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const MergeStatistics merge{1 / temperature};
  Statistics statistics = Statistics::none();
  for (int64_t tile = lane; tile < tiles; tile += kWarp) {
    statistics = merge(statistics, workspace.partial[row * tiles + tile]);
  }
  statistics = warp_reduce(statistics, merge);
  if (lane == 0) outputs.finish(row, statistics, workspace.token_logit[row], temperature);
}

/* ---- Backward ------------------------------------------------------------------------------------------------ */

struct RowGradients {
  InverseTemperature inverse_temperature;
  const float* logsumexp;
  const float* entropy;
  const float* dlogprob;
  const float* dentropy;

  __device__ __forceinline__ RowGradient of_row(int64_t row) const {
    return RowGradient::of_row(row, inverse_temperature, logsumexp, entropy, dlogprob, dentropy);
  }
};

/** Lines of an operand that take part: a step's bits, fetched ahead, so that nothing waits for them. */
struct EveryLine {
  __device__ __forceinline__ void fetch(int) {}
  __device__ __forceinline__ unsigned take() const { return ~0u; }
};

/** Rows that have a gradient: the others count as zeros, whatever they hold. Every lane calls. */
struct RowsWithGradient {
  const float* dlogprob;
  const float* dentropy;  // may be null
  int64_t rows;
  float of_lane[2] = {0, 0};

  /** Of `first` and the 31 rows that follow. */
  __device__ __forceinline__ void fetch(int first) {
    const int64_t row = first + static_cast<int>(threadIdx.x) % kWarp;
    of_lane[0] = row < rows ? dlogprob[row] : 0;
    of_lane[1] = row < rows && dentropy != nullptr ? dentropy[row] : 0;
  }
  __device__ __forceinline__ unsigned take() const {
    return __ballot_sync(kFullWarp, of_lane[0] != 0 || of_lane[1] != 0);
  }
};

/** dlogits of one block of rows and tokens. */
template <class T>
struct DlogitsBlock {
  Matrix<T> dlogits;  // aligned
  int* holds;         // [row tiles, kBlockTokens / kTileCols] whether a tile holds anything but zeros

  static constexpr int kHoldsStride = kBlockTokens / kTileCols;
};

template <class T>
__global__ void __launch_bounds__(kTileThreads, 1)
    dlogits_kernel(Layer<T> layer, RowGradients gradients, float skip_below, DlogitsBlock<T> block) {
  const TileRun run = TileRun::of_block(layer);
  const int64_t first_row = int64_t{run.row_tile} * kTileRows;
  for_each_tile(layer, run, [&](int tile, TileAccumulators& logits, unsigned char* scratch) {
    bool holds = false;
#pragma unroll
    for (int r = 0; r < TileAccumulators::kThreadRows; ++r) {
      const int64_t row = first_row + TileAccumulators::row(r);
      if (row >= layer.rows()) continue;
      const RowGradient gradient = gradients.of_row(row);
      const bool zero = gradient.is_zero();
      const int own = own_thread_col(layer, row, tile);
      T* out = block.dlogits.row(row) + tile * kTileCols;  // its stride is whole tiles
      holds |= !zero && own >= 0;
#pragma unroll
      for (int c = 0; c < TileAccumulators::kThreadCols; c += 2) {
        T pair[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float log_p = gradient.log_probability(logits.at(r, c + i));
          const float p = exp2_approximate(log_p * kLog2E);
          float dlogit = gradient.of_other(log_p, p);
          if (c + i == own) dlogit += gradient.of_token();
          pair[i] = round_to<T>(zero ? 0 : dlogit);
          holds |= !zero && !(p < skip_below);
        }
        store_pair(out + TileAccumulators::col(c), pair[0], pair[1]);
      }
    }
    auto* of_warp = reinterpret_cast<int*>(scratch);
    const int any = __any_sync(kFullWarp, holds);
    if (TileAccumulators::lane() == 0) of_warp[TileAccumulators::warp()] = any;
    __syncthreads();
    if (threadIdx.x == 0) {
      int all = 0;
      for (int i = 0; i < kTileThreads / kWarp; ++i) all |= of_warp[i];
      block.holds[run.row_tile * DlogitsBlock<T>::kHoldsStride + tile] = all;
    }
  });
}

/** The steps of a summed dimension in [begin, end), past its tiles of kExtent that hold nothing; at most 32 tiles. */
template <class T, int kExtent>
class HeldSteps {
 public:
  /** holds: of tile 0, the next one's is `stride` further. `begin` begins a tile. All lanes call. */
  __device__ __forceinline__ HeldSteps(int begin, int end, const int* holds, int stride)
      : k_(begin), end_(end) {
    const int tile = static_cast<int>(threadIdx.x) % kWarp;
    held_ = __ballot_sync(kFullWarp,
                          tile >= begin / kExtent && tile * kExtent < end && holds[tile * stride] != 0);
    pass_empty_tiles();
  }
  __device__ __forceinline__ int k() const { return k_; }
  __device__ __forceinline__ bool done() const { return k_ >= end_; }
  __device__ __forceinline__ void advance() {
    k_ += kTileStep<T>;
    if (k_ % kExtent == 0) pass_empty_tiles();
  }

 private:
  __device__ __forceinline__ void pass_empty_tiles() {
    const int tile = k_ / kExtent;
    const unsigned rest = tile < 32 ? held_ >> tile : 0;
    k_ = rest == 0 ? end_ : k_ + (__ffs(static_cast<int>(rest)) - 1) * kExtent;
  }

  int k_;
  int end_;
  unsigned held_;
};
static_assert(kBlockTokens <= 32 * kTileCols && kBlockRows <= 32 * kTileRows, "a bit a tile");

/** Starts the copies of a product a b over `steps`, of which a tile begins at first_row of a, first_col of b. */
template <class T, Major kMajorA, class Steps, class Lines>
struct LoadProduct {
  using Product = TileProduct<T, kMajorA, Major::mn>;
  Operand<T> a;
  Operand<T> b;
  int64_t first_row;
  int64_t first_col;
  Steps steps;
  Lines lines;  // of b

  __device__ __forceinline__ typename Product::Copies copies(unsigned char* stage) {
    using A = typename Product::A;
    const bool any = !steps.done();
    const int k = steps.k();
    const unsigned bits = lines.take();
    if (any) steps.advance();
    lines.fetch(steps.k());
    const bool along_k = kMajorA == Major::k;
    return {{stage, a, along_k ? first_row : k, along_k ? k : first_row, ~0u, any},
            {stage + A::kBytes, b, k, first_col, bits, any}};
  }
};

/** The sum over load.steps. */
template <class T, class Load>
__device__ __forceinline__ void multiply_tile(TileAccumulators& sum, const Load& load) {
  sum.clear();
  auto steps = load.steps;
  TileStages<Load> stages(load);
  if (!steps.done()) {
    multiply_steps<T>(sum, stages, [&] {
      steps.advance();
      return !steps.done();
    });
  }
  stages.finish();
}

/** Adds the part of a tile that lies in the matrix, or stores it. */
__device__ __forceinline__ void add_tile(TileAccumulators& tile, const Matrix<float>& matrix,
                                         int64_t first_row, int64_t first_col, bool overwrite) {
  const bool pairs = (reinterpret_cast<uintptr_t>(matrix.data) | matrix.row_stride * sizeof(float)) % 8 == 0;
#pragma unroll
  for (int r = 0; r < TileAccumulators::kThreadRows; ++r) {
    const int64_t row = first_row + TileAccumulators::row(r);
    if (row >= matrix.rows) continue;
#pragma unroll
    for (int c = 0; c < TileAccumulators::kThreadCols; c += 2) {
      const int64_t col = first_col + TileAccumulators::col(c);
      float* out = matrix.row(row) + col;
      if (pairs && col + 1 < matrix.cols) {
        auto* pair = reinterpret_cast<float2*>(out);
        float2 sum = overwrite ? float2{0, 0} : *pair;
        sum.x += tile.at(r, c);
        sum.y += tile.at(r, c + 1);
        *pair = sum;
      } else {
        for (int i = 0; i < 2; ++i) {
          if (col + i < matrix.cols) out[i] = (overwrite ? 0 : out[i]) + tile.at(r, c + i);
        }
      }
    }
  }
}

/** How product 2 splits the tokens of a block, so that it has blocks enough. A function of hidden alone. */
struct TokenSplits {
  int count;

  explicit TokenSplits(int64_t hidden) : count(1) {
    while (count * 2 * ceil_div(hidden, kTileCols) <= 16) count *= 2;
  }
  __host__ __device__ int64_t tokens() const { return kBlockTokens / count; }
};
static_assert(kBlockTokens / 16 % kTileCols == 0, "a split is whole tiles");

/** The float sums of dhidden, one matrix a split. */
struct SplitSums {
  Matrix<float> first;

  __device__ __forceinline__ Matrix<float> of(int64_t split) const {
    return {first.data + split * first.rows * first.row_stride, first.rows, first.cols, first.row_stride};
  }
};

template <class T>
__global__ void __launch_bounds__(kTileThreads, 1)
    dhidden_kernel(DlogitsBlock<T> block, Operand<T> weight, TokenSplits splits, SplitSums sums,
                   bool overwrite) {
  using Steps = HeldSteps<T, kTileCols>;
  const int64_t row_tiles = ceil_div(sums.first.rows, kTileRows);
  const int64_t row_tile = blockIdx.x % row_tiles;
  const int64_t split = blockIdx.x / row_tiles % splits.count;
  const int64_t first_col = blockIdx.x / row_tiles / splits.count * kTileCols;
  const int end = static_cast<int>(min((split + 1) * splits.tokens(), block.dlogits.cols));
  const Steps steps(static_cast<int>(split * splits.tokens()), end,
                    block.holds + row_tile * DlogitsBlock<T>::kHoldsStride, 1);
  if (steps.done() && !overwrite) return;
  TileAccumulators tile;
  multiply_tile<T>(tile, LoadProduct<T, Major::k, Steps, EveryLine>{
                             {block.dlogits, true}, weight, row_tile * kTileRows, first_col, steps, {}});
  add_tile(tile, sums.of(split), row_tile * kTileRows, first_col, overwrite);
}

template <class T>
__global__ void __launch_bounds__(kTileThreads, 1)
    dweight_kernel(DlogitsBlock<T> block, Operand<T> hidden, RowsWithGradient rows, Matrix<float> dweight) {
  using Steps = HeldSteps<T, kTileRows>;
  const int64_t col_tiles = ceil_div(dweight.cols, kTileCols);
  const int64_t first_token = blockIdx.x / col_tiles * kTileRows;
  const int64_t first_col = blockIdx.x % col_tiles * kTileCols;
  const Steps steps(0, static_cast<int>(block.dlogits.rows), block.holds + first_token / kTileCols,
                    DlogitsBlock<T>::kHoldsStride);
  if (steps.done()) return;
  rows.fetch(steps.k());
  TileAccumulators tile;
  multiply_tile<T>(tile, LoadProduct<T, Major::mn, Steps, RowsWithGradient>{
                             {block.dlogits, true}, hidden, first_token, first_col, steps, rows});
  add_tile(tile, dweight, first_token, first_col, false);
}

/** A thread an element. */
template <class T>
__global__ void __launch_bounds__(kElementThreads)
    round_kernel(SplitSums sums, TokenSplits splits, Matrix<T> dhidden) {
  const int64_t col = int64_t{blockIdx.x} * kElementThreads + threadIdx.x;
  if (col >= dhidden.cols) return;
  float sum = 0;
  for (int split = 0; split < splits.count; ++split) sum += sums.of(split)(blockIdx.y, col);
  dhidden(blockIdx.y, col) = round_to<T>(sum);
}

/* ---- Launches ------------------------------------------------------------------------------------------------ */

dim3 one_block_each(int64_t count) { return dim3(static_cast<unsigned>(count)); }

LaunchShape tile_blocks(int64_t count) { return {one_block_each(count), kTileThreads, kTileSharedBytes}; }

template <class U>
Matrix<U> rows_of(Matrix<U> matrix, int64_t begin, int64_t count) {
  return {matrix.row(begin), count, matrix.cols, matrix.row_stride};
}

/** Where the parts of linear_logprob_backward's workspace begin. */
struct BackwardLayout {
  int64_t rows;           // of a block
  int64_t dlogits_width;  // whole tiles
  int64_t sums_width;     // even
  size_t holds;
  size_t sums;
  size_t size;

  BackwardLayout(int64_t all_rows, int64_t vocab, int64_t hidden, size_t element_size)
      : rows(std::min(all_rows, kBlockRows)),
        dlogits_width(std::min(ceil_div(vocab, kTileCols) * kTileCols, kBlockTokens)),
        sums_width(hidden + hidden % 2) {
    holds = aligned_size(static_cast<size_t>(rows * dlogits_width) * element_size);
    sums = holds + aligned_size(static_cast<size_t>(ceil_div(rows, kTileRows) * (kBlockTokens / kTileCols)) *
                                sizeof(int));
    size = sums +
           aligned_size(static_cast<size_t>(TokenSplits(hidden).count * rows * sums_width) * sizeof(float));
  }
};

}  // namespace

size_t linear_logprob_forward_workspace_size(int64_t rows, int64_t vocab) {
  return aligned_size(static_cast<size_t>(rows * ceil_div(vocab, kTileCols)) * sizeof(Statistics)) +
         static_cast<size_t>(rows) * sizeof(float);
}

template <class T>
DeviceStatus linear_logprob_forward(Matrix<const T> hidden, Matrix<const T> weight,
                                    Vector<const int64_t> tokens, float temperature, Vector<float> logprob,
                                    Vector<float> entropy, Vector<float> logsumexp, void* workspace,
                                    Stream stream) {
  const Layer<T> layer(hidden, weight, tokens.data, 0);
  const int64_t partial_count = layer.rows() * layer.token_tiles();
  auto* memory = static_cast<unsigned char*>(workspace);
  const ForwardWorkspace parts{
      reinterpret_cast<Statistics*>(memory),
      reinterpret_cast<float*>(memory +
                               aligned_size(static_cast<size_t>(partial_count) * sizeof(Statistics)))};
  const DeviceStatus status = launch("linear_logprob_statistics", statistics_kernel<T>,
                                     tile_blocks(layer.blocks()), stream, layer, 1 / temperature, parts);
  if (!status) return status;
  return launch("linear_logprob_merge", merge_kernel,
                {one_block_each(ceil_div(layer.rows(), kElementThreads / kWarp)), kElementThreads}, stream,
                layer.rows(), layer.token_tiles(), temperature, parts,
                LogprobOutputs{logprob.data, entropy.data, logsumexp.data});
}

size_t linear_logprob_backward_workspace_size(int64_t rows, int64_t vocab, int64_t hidden,
                                              size_t element_size) {
  return BackwardLayout(rows, vocab, hidden, element_size).size;
}

template <class T>
DeviceStatus linear_logprob_backward(Matrix<const T> hidden, Matrix<const T> weight,
                                     Vector<const int64_t> tokens, float temperature,
                                     Vector<const float> logsumexp, Vector<const float> entropy,
                                     Vector<const float> dlogprob, Vector<const float> dentropy,
                                     float skip_below, Matrix<T> dhidden, Matrix<float> dweight,
                                     void* workspace, Stream stream) {
  const BackwardLayout layout(hidden.rows, weight.rows, hidden.cols, sizeof(T));
  auto* memory = static_cast<unsigned char*>(workspace);
  const TokenSplits splits(hidden.cols);
  const int64_t col_tiles = ceil_div(hidden.cols, kTileCols);
  const auto from = [](Vector<const float> vector, int64_t row) {
    return vector ? vector.data + row : nullptr;
  };
  for (int64_t row = 0; row < hidden.rows; row += kBlockRows) {
    const int64_t rows = std::min(kBlockRows, hidden.rows - row);
    const Matrix<const T> block_hidden = rows_of(hidden, row, rows);
    const RowGradients gradients{InverseTemperature(temperature), from(logsumexp, row), from(entropy, row),
                                 from(dlogprob, row), from(dentropy, row)};
    const SplitSums sums{
        {reinterpret_cast<float*>(memory + layout.sums), rows, hidden.cols, layout.sums_width}};
    for (int64_t token = 0; token < weight.rows; token += kBlockTokens) {
      const int64_t count = std::min(kBlockTokens, weight.rows - token);
      const Layer<T> layer(block_hidden, rows_of(weight, token, count), tokens.data + row, token);
      const DlogitsBlock<T> block{{reinterpret_cast<T*>(memory), rows, count, layout.dlogits_width},
                                  reinterpret_cast<int*>(memory + layout.holds)};
      DeviceStatus status = launch("linear_logprob_dlogits", dlogits_kernel<T>, tile_blocks(layer.blocks()),
                                   stream, layer, gradients, skip_below, block);
      if (status && dhidden) {
        status = launch("linear_logprob_dhidden", dhidden_kernel<T>,
                        tile_blocks(layer.row_tiles() * splits.count * col_tiles), stream, block,
                        layer.weight, splits, sums, token == 0);
      }
      if (status && dweight) {
        status = launch("linear_logprob_dweight", dweight_kernel<T>,
                        tile_blocks(ceil_div(count, kTileRows) * col_tiles), stream, block, layer.hidden,
                        RowsWithGradient{gradients.dlogprob, gradients.dentropy, rows},
                        rows_of(dweight, token, count));
      }
      if (!status) return status;
    }
    if (!dhidden) continue;
    const dim3 grid(static_cast<unsigned>(ceil_div(hidden.cols, kElementThreads)),
                    static_cast<unsigned>(rows));
    const DeviceStatus status = launch("linear_logprob_round", round_kernel<T>, {grid, kElementThreads},
                                       stream, sums, splits, rows_of(dhidden, row, rows));
    if (!status) return status;
  }
  return {};
}

#define RLKD_INSTANTIATE(T)                                                                                  \
  template DeviceStatus linear_logprob_forward<T>(Matrix<const T>, Matrix<const T>, Vector<const int64_t>,   \
                                                  float, Vector<float>, Vector<float>, Vector<float>, void*, \
                                                  Stream);                                                   \
  template DeviceStatus linear_logprob_backward<T>(Matrix<const T>, Matrix<const T>, Vector<const int64_t>,  \
                                                   float, Vector<const float>, Vector<const float>,          \
                                                   Vector<const float>, Vector<const float>, float,          \
                                                   Matrix<T>, Matrix<float>, void*, Stream);
RLKD_INSTANTIATE(float)
RLKD_INSTANTIATE(bfloat16)
RLKD_INSTANTIATE(float16)

}  // namespace rlkd::kernels::cuda
