/*
 * decode_attention on a device: split over the sequence (flash-decoding), with shared prefixes read once.
 *
 *   s_t = scale query . key_t     output = sum_t e^(s_t - m) value_t / sum_t e^(s_t - m),  m = max_t s_t
 *
 * A row's tokens are cut into its prefix and its suffix and each of these into pieces of kPiece tokens. A piece gives
 *
 *   m_i = max s_t     l_i = sum e^(s_t - m_i)     o_i = sum e^(s_t - m_i) value_t
 *
 * for each query head, and a second kernel merges the pieces: m = max m_i, output = sum o_i e^(m_i - m) / sum l_i
 * e^(m_i - m) (online softmax: Milakov and Gimelshein, arXiv 1805.02867). No exponent is positive, so nothing
 * overflows; sums are float for every T; exponentials are base 2, log2 e being folded into the scale. The cuts lie at
 * fixed places, so a row's output does not depend on the other rows, bit for bit.
 *
 * Work: a suffix piece is a block of one row and one key/value head, whose warps walk tiles of 32 tokens in turn. A
 * prefix piece is a block of one group and one key/value head; its warps share each tile and have kQueries queries
 * each, all rows and query heads of the group between them, so that keys and values come from memory once for the
 * group (and from L2 for every further 32 queries). In a tile a lane has one token for the scores and some dimensions
 * for the values; a query's scores need no reduction but one maximum. Keys of the next tile are on their way
 * (cp.async) while the values of this one are summed, and the values while the scores are.
 *
 * Traffic: keys and values of unique tokens once, 2 kv_heads head_dim sizeof(T) bytes a token, plus for each piece of
 * each row 4 heads (head_dim + 2) bytes written and read. 4 heads head_dim flops a row and token: with 8 query heads
 * for each key/value head 8 flops a byte of bfloat16, bound by memory.
 */
#include "device/async_copy.cuh"
#include "device/columns.cuh"
#include "device/exponential.cuh"
#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "rlkd/kernels/decode_attention.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int64_t kPiece = 256;  // tokens
constexpr int kTile = kWarp;     // tokens, a lane each
constexpr int kQueries = 8;      // of a warp
constexpr int kSuffixWarps = 2;
constexpr int kPrefixWarps = 4;
// Dynamic shared memory of a block at most: what sm_120 has, less the static.
constexpr int64_t kSharedLimit = 96 * 1024;
constexpr int kMergeThreads = 128;

/** Max by a comparison: with its one instruction the attention kernels spill on sm_100 and sm_120 (nvcc 13.5). */
struct Larger {
  __device__ __forceinline__ float operator()(float a, float b) const { return a > b || a != a ? a : b; }
};

__host__ __device__ constexpr int64_t pieces_of(int64_t tokens) { return (tokens + kPiece - 1) / kPiece; }

/** Sums of a piece for a query, relative to its maximum, in base 2. */
struct Statistics {
  float maximum;
  float normaliser;
};

/** One entry for each row, head and slot; slots are the pieces of the prefix, then those of the suffix. */
struct Partials {
  Statistics* statistics;
  float* sums;  // [rows, heads, slots, head_dim]
  int64_t heads;
  int64_t slots;

  __device__ __forceinline__ int64_t index(int64_t row, int64_t head, int64_t slot) const {
    return (row * heads + head) * slots + slot;
  }
};

/** How a block lays out its shared memory: tiles of keys and values, then queries, then weights. */
template <class T>
struct SharedLayout {
  int head_dim;
  int dims;   // head_dim, rounded up so that packs and lanes fit
  int row;    // elements from a token of a tile to the next: an odd number of 16-byte units, no bank twice
  int teams;  // of threads that have tiles of their own: the warps of a suffix, the block of a prefix
  int query_sets;  // of kQueries each
  int warps;

  SharedLayout(int64_t width, int teams_, int query_sets_, int warps_)
      : head_dim(static_cast<int>(width)), teams(teams_), query_sets(query_sets_), warps(warps_) {
    dims = (head_dim + 7) / 8 * 8;
    const int units = dims / Pack<T>::kSize;
    row = (units + (units % 2 == 0)) * Pack<T>::kSize;
  }

  __host__ __device__ int tile_elements() const { return kTile * row; }
  __device__ T* keys(T* base, int team) const { return base + 2 * team * tile_elements(); }
  __device__ T* values(T* base, int team) const { return base + (2 * team + 1) * tile_elements(); }
  __device__ float* queries(T* base, int set) const {
    return reinterpret_cast<float*>(base + 2 * teams * tile_elements()) + set * kQueries * dims;
  }
  __device__ float* weights(T* base, int warp) const {
    return queries(base, query_sets) + warp * kTile * kQueries;
  }
  int64_t bytes() const {
    return int64_t{2} * teams * tile_elements() * static_cast<int64_t>(sizeof(T)) +
           (int64_t{query_sets} * kQueries * dims + int64_t{warps} * kTile * kQueries) *
               static_cast<int64_t>(sizeof(float));
  }
};

/** Of the row's group; 0 without groups. Every thread of the block calls it; it has barriers. */
template <class T>
__device__ int64_t prefix_of(const DecodeAttention<T>& inputs, int64_t row) {
  __shared__ int64_t prefix;
  const SharedPrefixes& prefixes = inputs.prefixes;
  if (threadIdx.x == 0) prefix = 0;
  __syncthreads();
  for (int64_t g = threadIdx.x; g < prefixes.prefix_lengths.size; g += blockDim.x) {
    if (prefixes.group_offsets[g] <= row && row < prefixes.group_offsets[g + 1]) {
      prefix = prefixes.prefix_lengths[g];
    }
  }
  __syncthreads();
  return prefix;
}

/** Steps of a warp through the units (16 bytes, or single elements) of the rows of a tile. */
struct TileWalk {
  int units;  // of a row
  int token, unit;
  int token_step, unit_step;

  __device__ TileWalk(int units_of_row, int lane) : units(units_of_row) {
    token = lane / units;
    unit = lane % units;
    token_step = kWarp / units;
    unit_step = kWarp % units;
  }
  __device__ __forceinline__ void advance() {
    token += token_step;
    unit += unit_step;
    if (unit >= units) {
      unit -= units;
      ++token;
    }
  }
};

/**
 * A warp starts copying the first `count` tokens of a tile; lane t holds the offset of token t. One commit group, which
 * is empty where packs do not fit and the copy is a plain one.
 */
template <class T>
__device__ __forceinline__ void copy_tile(T* tile, int row, const T* cache, int64_t offset, int count,
                                          int head_dim, bool packed) {
  const int step = packed ? Pack<T>::kSize : 1;
  TileWalk walk(head_dim / step, static_cast<int>(threadIdx.x) % kWarp);
  const int units = count * walk.units;
  for (int begin = 0; begin < units; begin += kWarp) {
    const int64_t from = __shfl_sync(kFullWarp, offset, walk.token % kWarp) + walk.unit * step;
    if (walk.token < count) {
      T* const to = tile + walk.token * row + walk.unit * step;
      if (packed) {
        async_copy_16(to, cache + from, 16);
      } else {
        *to = cache[from];
      }
    }
    walk.advance();
  }
  async_commit();
}

/** The kDims values of a lane. */
template <class T, int kDims>
__device__ __forceinline__ void load_slice(const T* address, float (&values)[kDims]) {
  constexpr size_t kBytes = kDims * sizeof(T);
  struct alignas(kBytes < 16 ? kBytes : 16) Slice {
    T element[kDims];
  };
  const Slice slice = *reinterpret_cast<const Slice*>(address);
#pragma unroll
  for (int i = 0; i < kDims; ++i) values[i] = to_float(slice.element[i]);
}

/** The running softmax of a warp's queries; a lane has kDims dimensions of the sums, and its own tokens' normaliser. */
template <int kDims>
struct Running {
  float maximum[kQueries];
  float normaliser[kQueries];
  float sums[kQueries][kDims];

  __device__ __forceinline__ Running() {
#pragma unroll
    for (int q = 0; q < kQueries; ++q) {
      maximum[q] = -INFINITY;
      normaliser[q] = 0;
#pragma unroll
      for (int i = 0; i < kDims; ++i) sums[q][i] = 0;
    }
  }

  /** scores: of the lane's token, -inf past the end. They become weights; what was summed is rescaled. */
  __device__ __forceinline__ void add_scores(float (&scores)[kQueries]) {
#pragma unroll
    for (int q = 0; q < kQueries; ++q) {
      const float larger = Larger{}(maximum[q], warp_reduce(scores[q], Larger{}));
      const float rescale = exp2f(maximum[q] - larger);
      const float weight = exp2f(scores[q] - larger);
      maximum[q] = larger;
      normaliser[q] = fmaf(normaliser[q], rescale, weight);
#pragma unroll
      for (int i = 0; i < kDims; ++i) sums[q][i] *= rescale;
      scores[q] = weight;
    }
  }

  /** weights: [kTile, kQueries] of `count` tokens; values: the lane's dimensions of the first of them. */
  template <class T>
  __device__ __forceinline__ void add_values(const float* weights, const T* values, int row, int count) {
#pragma unroll 1
    for (int t = 0; t < count; ++t) {
      float value[kDims], weight[kQueries];
      load_slice(values + t * row, value);
      load_floats(weights + t * kQueries, weight);
#pragma unroll
      for (int q = 0; q < kQueries; ++q) {
#pragma unroll
        for (int i = 0; i < kDims; ++i) sums[q][i] = fmaf(weight[q], value[i], sums[q][i]);
      }
    }
  }
};

/** Scores of a lane's token for the queries, scale and log2 e included. */
template <class T>
__device__ __forceinline__ void score(const T* key, const float* queries, int dims,
                                      float (&scores)[kQueries]) {
#pragma unroll
  for (int q = 0; q < kQueries; ++q) scores[q] = 0;
#pragma unroll 1
  for (int d = 0; d < dims; d += Pack<T>::kSize) {
    float k[Pack<T>::kSize];
    load_floats(key + d, k);
#pragma unroll
    for (int q = 0; q < kQueries; ++q) {
      float part[Pack<T>::kSize];
      load_floats(queries + q * dims + d, part);
#pragma unroll
      for (int i = 0; i < Pack<T>::kSize; ++i) scores[q] = fmaf(part[i], k[i], scores[q]);
    }
  }
}

/** Threads that share tiles wait for each other: a warp of a suffix, the block of a prefix. */
template <bool kPrefix>
__device__ __forceinline__ void team_barrier() {
  if constexpr (kPrefix) {
    __syncthreads();
  } else {
    __syncwarp();
  }
}

/**
 * One piece of a prefix or of a suffix and one key/value head: grid (items * pieces, kv_heads * query chunks), items
 * being groups or rows. kDims: dimensions of a lane.
 */
template <class T, int kDims, bool kPrefix>
__global__ void __launch_bounds__((kPrefix ? kPrefixWarps : kSuffixWarps) * kWarp, kPrefix     ? 2
                                                                                   : kDims > 2 ? 4
                                                                                               : 6)
    attend_kernel(DecodeAttention<T> inputs, SharedLayout<T> layout, int64_t pieces, bool packed,
                  Partials partials) {
  T* const base = dynamic_shared<T>();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int64_t item = blockIdx.x / pieces;
  const int64_t piece = blockIdx.x % pieces;
  const int64_t group = partials.heads / inputs.kv_heads;  // query heads of a key/value head

  int64_t first_row = item, rows = 1, begin = piece * kPiece, end = 0, slot = piece;
  if constexpr (kPrefix) {
    first_row = inputs.prefixes.group_offsets[item];
    rows = inputs.prefixes.group_offsets[item + 1] - first_row;
    end = rows == 0 ? 0 : inputs.prefixes.prefix_lengths[item];
  } else {
    const int64_t prefix = prefix_of(inputs, item);
    begin += prefix;
    end = inputs.lengths[item];
    slot += pieces_of(prefix);
  }
  end = min(end, begin + kPiece);
  if (begin >= end) return;  // the whole block

  const int chunks = kPrefix ? 1 : static_cast<int>((group + kQueries - 1) / kQueries);
  const int64_t kv_head = static_cast<int>(blockIdx.y) / chunks;
  const int tokens = static_cast<int>(end - begin);
  const int team = kPrefix ? 0 : warp;
  const int teams_tiles = kPrefix ? 1 : layout.warps;  // a team takes every teams_tiles-th tile
  const int query_set = kPrefix ? warp : 0;
  T* const keys = layout.keys(base, team);
  T* const values = layout.values(base, team);
  float* const weights = layout.weights(base, warp);
  const bool copies = !kPrefix || warp == 0;

  // What pads a key is never copied, and must not be a NaN; what pads a value must be something.
  const int padding = layout.dims - layout.head_dim;
  for (int i = kPrefix ? static_cast<int>(threadIdx.x) : lane; i < kTile * padding;
       i += kPrefix ? layout.warps * kWarp : kWarp) {
    const int place = i / padding * layout.row + layout.head_dim + i % padding;
    keys[place] = values[place] = round_to<T>(0);
  }

  const int step = layout.query_sets * kQueries;
  int first_query = kPrefix ? 0 : static_cast<int>(blockIdx.y) % chunks * kQueries;
  const int queries_end =
      kPrefix ? static_cast<int>(rows * group) : min(static_cast<int>(group), first_query + kQueries);
  for (; first_query < queries_end; first_query += step) {
    if constexpr (kPrefix) __syncthreads();  // the queries before these have been used
    for (int i = static_cast<int>(threadIdx.x); i < layout.query_sets * kQueries * layout.dims;
         i += layout.warps * kWarp) {
      const int query = first_query + i / layout.dims;
      const int d = i % layout.dims;
      float value = 0;
      if (query < queries_end && d < layout.head_dim) {
        const int64_t head = kv_head * group + query % group;
        value = to_float(inputs.query.row(first_row + query / group)[head * layout.head_dim + d]);
      }
      layout.queries(base, 0)[i] = value * (inputs.scale * kLog2E);
    }
    __syncthreads();

    // Of the lane's token of the tile that starts `tile` tokens after begin.
    const auto offset_of = [&](int tile) {
      const int64_t token = begin + min(tile + lane, tokens - 1);
      const int64_t block = token / inputs.block_size;
      const int64_t place =
          inputs.block_table(first_row, block) * inputs.block_size + (token - block * inputs.block_size);
      return (place * inputs.kv_heads + kv_head) * layout.head_dim;
    };
    const auto copy = [&](T* to, Vector<const T> cache, int64_t offset, int tile) {
      if (copies && tile < tokens) {
        copy_tile(to, layout.row, cache.data, offset, min(kTile, tokens - tile), layout.head_dim, packed);
      }
    };

    Running<kDims> running;
    const int stride = teams_tiles * kTile;
    int tile = team * kTile;
    int64_t offset = tile < tokens ? offset_of(tile) : 0;
    copy(keys, inputs.keys, offset, tile);
    for (; tile < tokens; tile += stride) {
      const int count = min(kTile, tokens - tile);
      async_wait<0>();
      team_barrier<kPrefix>();  // these keys are there, and the values before them have been used
      copy(values, inputs.values, offset, tile);
      if (tile + stride < tokens) offset = offset_of(tile + stride);

      float scores[kQueries];
      score(keys + min(lane, count - 1) * layout.row, layout.queries(base, query_set), layout.dims, scores);
      if (lane >= count) {
#pragma unroll
        for (int q = 0; q < kQueries; ++q) scores[q] = -INFINITY;
      }
      running.add_scores(scores);
      store_floats(weights + lane * kQueries, {scores[0], scores[1], scores[2], scores[3]});
      store_floats(weights + lane * kQueries + 4, {scores[4], scores[5], scores[6], scores[7]});

      async_wait<0>();
      team_barrier<kPrefix>();  // these values and weights are there, and the keys have been used
      copy(keys, inputs.keys, offset, tile + stride);
      if (lane * kDims < layout.dims) {
        running.add_values(weights, values + lane * kDims, layout.row, count);
      }
    }
#pragma unroll
    for (int q = 0; q < kQueries; ++q) running.normaliser[q] = warp_reduce(running.normaliser[q], Sum{});

    if constexpr (kPrefix) {
#pragma unroll
      for (int q = 0; q < kQueries; ++q) {
        const int query = first_query + query_set * kQueries + q;
        if (query >= queries_end) continue;
        const int64_t index =
            partials.index(first_row + query / group, kv_head * group + query % group, slot);
        if (lane == 0) partials.statistics[index] = {running.maximum[q], running.normaliser[q]};
#pragma unroll
        for (int i = 0; i < kDims; ++i) {
          const int d = lane * kDims + i;
          if (d < layout.head_dim) partials.sums[index * layout.head_dim + d] = running.sums[q][i];
        }
      }
    } else {
      // The warps' tiles of keys hold their sums now, and their weights the statistics.
      const auto sums_of = [&](int w) { return reinterpret_cast<float*>(layout.keys(base, w)); };
      const auto statistics_of = [&](int w) {
        return reinterpret_cast<Statistics*>(layout.weights(base, w));
      };
      __syncwarp();
#pragma unroll
      for (int q = 0; q < kQueries; ++q) {
        if (lane == 0) statistics_of(warp)[q] = {running.maximum[q], running.normaliser[q]};
#pragma unroll
        for (int i = 0; i < kDims; ++i) {
          const int d = lane * kDims + i;
          if (d < layout.dims) sums_of(warp)[q * layout.dims + d] = running.sums[q][i];
        }
      }
      __syncthreads();
      for (int i = static_cast<int>(threadIdx.x); i < kQueries * layout.dims; i += layout.warps * kWarp) {
        const int q = i / layout.dims;
        const int d = i % layout.dims;
        const int query = first_query + q;
        if (query >= queries_end || d >= layout.head_dim) continue;
        float maximum = -INFINITY;
        for (int w = 0; w < layout.warps; ++w) maximum = Larger{}(maximum, statistics_of(w)[q].maximum);
        float normaliser = 0, sum = 0;
        for (int w = 0; w < layout.warps; ++w) {
          const float rescale = exp2f(statistics_of(w)[q].maximum - maximum);
          normaliser = fmaf(statistics_of(w)[q].normaliser, rescale, normaliser);
          sum = fmaf(sums_of(w)[i], rescale, sum);
        }
        const int64_t index = partials.index(first_row, kv_head * group + query, slot);
        partials.sums[index * layout.head_dim + d] = sum;
        if (d == 0) partials.statistics[index] = {maximum, normaliser};
      }
    }
  }
}

/** A warp for each row and head. */
template <class T>
__global__ void __launch_bounds__(kMergeThreads)
    merge_kernel(DecodeAttention<T> inputs, Partials partials, Matrix<T> output) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t row = blockIdx.x;
  const int64_t head = int64_t{blockIdx.y} * (kMergeThreads / kWarp) + threadIdx.x / kWarp;
  const int64_t prefix = prefix_of(inputs, row);
  if (head >= partials.heads) return;  // after the last barrier
  const int64_t slots = pieces_of(prefix) + pieces_of(inputs.lengths[row] - prefix);
  const int64_t first = partials.index(row, head, 0);

  float maximum = -INFINITY;
  for (int64_t slot = lane; slot < slots; slot += kWarp) {
    maximum = Larger{}(maximum, partials.statistics[first + slot].maximum);
  }
  maximum = warp_reduce(maximum, Larger{});
  float normaliser = 0;
  for (int64_t slot = lane; slot < slots; slot += kWarp) {
    const Statistics statistics = partials.statistics[first + slot];
    normaliser = fmaf(statistics.normaliser, exp2f(statistics.maximum - maximum), normaliser);
  }
  normaliser = warp_reduce(normaliser, Sum{});
  for (int64_t d = lane; d < inputs.head_dim; d += kWarp) {
    float sum = 0;
#pragma unroll 4
    for (int64_t slot = 0; slot < slots; ++slot) {
      const float rescale = exp2f(partials.statistics[first + slot].maximum - maximum);
      sum = fmaf(partials.sums[(first + slot) * inputs.head_dim + d], rescale, sum);
    }
    output.row(row)[head * inputs.head_dim + d] = round_to<T>(sum / normaliser);
  }
}

template <class T, int kDims>
DeviceStatus attend(const DecodeAttention<T>& inputs, int64_t pieces, const Partials& partials,
                    Stream stream) {
  const int64_t rows = inputs.query.rows;
  const int64_t group = partials.heads / inputs.kv_heads;
  const bool packed = inputs.head_dim % Pack<T>::kSize == 0 && aligned_for_packs(inputs.keys.data) &&
                      aligned_for_packs(inputs.values.data);
  const auto grid = [&](int64_t items, int64_t heads) {
    return dim3(static_cast<unsigned>(items * pieces), static_cast<unsigned>(heads));
  };
  const int64_t groups = inputs.prefixes.prefix_lengths.size;
  if (groups > 0) {
    SharedLayout<T> layout(inputs.head_dim, 1, kPrefixWarps, kPrefixWarps);
    if (layout.bytes() > kSharedLimit) layout.query_sets = layout.warps = kPrefixWarps / 2;
    const DeviceStatus status =
        launch("decode_attention_prefix", attend_kernel<T, kDims, true>,
               {grid(groups, inputs.kv_heads), dim3(static_cast<unsigned>(layout.warps * kWarp)),
                static_cast<size_t>(layout.bytes())},
               stream, inputs, layout, pieces, packed, partials);
    if (!status) return status;
  }
  SharedLayout<T> layout(inputs.head_dim, kSuffixWarps, 1, kSuffixWarps);
  if (layout.bytes() > kSharedLimit) layout.teams = layout.warps = 1;
  const int64_t chunks = (group + kQueries - 1) / kQueries;
  return launch("decode_attention", attend_kernel<T, kDims, false>,
                {grid(rows, inputs.kv_heads * chunks), dim3(static_cast<unsigned>(layout.warps * kWarp)),
                 static_cast<size_t>(layout.bytes())},
                stream, inputs, layout, pieces, packed, partials);
}

int64_t partial_count(int64_t rows, int64_t heads, int64_t max_length) {
  return rows * heads * (pieces_of(max_length) + 1);
}

}  // namespace

size_t decode_attention_workspace_size(int64_t rows, int64_t heads, int64_t head_dim, int64_t max_length) {
  return static_cast<size_t>(partial_count(rows, heads, max_length)) *
         (sizeof(Statistics) + static_cast<size_t>(head_dim) * sizeof(float));
}

template <class T>
DeviceStatus decode_attention(const DecodeAttention<T>& inputs, Matrix<T> output, void* workspace,
                              Stream stream) {
  const int64_t rows = inputs.query.rows;
  const int64_t heads = inputs.query.cols / inputs.head_dim;
  const int64_t max_length = inputs.block_table.cols * inputs.block_size;
  const int64_t pieces = pieces_of(max_length);
  auto* const statistics = static_cast<Statistics*>(workspace);
  const Partials partials{statistics,
                          reinterpret_cast<float*>(statistics + partial_count(rows, heads, max_length)),
                          heads, pieces + 1};
  const DeviceStatus status = inputs.head_dim <= 2 * kWarp   ? attend<T, 2>(inputs, pieces, partials, stream)
                              : inputs.head_dim <= 4 * kWarp ? attend<T, 4>(inputs, pieces, partials, stream)
                                                             : attend<T, 8>(inputs, pieces, partials, stream);
  if (!status) return status;
  constexpr int64_t kHeads = kMergeThreads / kWarp;
  return launch("decode_attention_merge", merge_kernel<T>,
                {dim3(static_cast<unsigned>(rows), static_cast<unsigned>((heads + kHeads - 1) / kHeads)),
                 dim3(kMergeThreads)},
                stream, inputs, partials, output);
}

#define RLKD_INSTANTIATE(T) \
  template DeviceStatus decode_attention<T>(const DecodeAttention<T>&, Matrix<T>, void*, Stream);
RLKD_INSTANTIATE(float)
RLKD_INSTANTIATE(bfloat16)
RLKD_INSTANTIATE(float16)

}  // namespace rlkd::kernels::cuda
