/*
 * decode_attention on the CPU. A task is a few rows and a few query heads that stand next to each other, so that
 * a key is read once for its group and the cache is read front to back. The sequence is walked in tiles of 32
 * tokens counted from its start; a tile costs one rescaling of the running sums and its scores stay in L1. Tiles
 * that the rows have in common, the tokens of a prompt or its beginning, are walked by all of them at once. A row's
 * arithmetic is the same with others and without them.
 *
 * Sums run in 16 lanes whatever the width of the CPU's vectors, and nothing is fused, so every instruction
 * set gives the same bits.
 */
#include "rlkd/kernels/decode_attention.h"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "rlkd/kernels/cpu_features.h"

namespace rlkd::kernels::cpu {

namespace {

#define RLKD_INLINE inline __attribute__((always_inline))

constexpr int64_t kTile = 32;
constexpr int64_t kHeads = 8;  // query heads of a task, at most
constexpr int64_t kLanes = 16;
constexpr int64_t kRows = 8;  // rows of a task, at most
constexpr int64_t kTasksPerThread = 4;

// 16 floats in vectors of `kWidth`.
template <int kWidth>
struct Lanes {
  using Part __attribute__((vector_size(kWidth * sizeof(float)))) = float;
  static constexpr int kParts = kLanes / kWidth;
  Part parts[kParts];

  RLKD_INLINE void load(const float* from) {
    for (int i = 0; i < kParts; ++i) std::memcpy(&parts[i], from + i * kWidth, sizeof(Part));
  }
  RLKD_INLINE void store(float* to) const {
    for (int i = 0; i < kParts; ++i) std::memcpy(to + i * kWidth, &parts[i], sizeof(Part));
  }
  RLKD_INLINE void add(const Lanes& a) {
    for (int i = 0; i < kParts; ++i) parts[i] += a.parts[i];
  }
  RLKD_INLINE void keep_larger(const Lanes& a) {
    for (int i = 0; i < kParts; ++i) parts[i] = a.parts[i] > parts[i] ? a.parts[i] : parts[i];
  }
  RLKD_INLINE void add_product(const Lanes& a, const Lanes& b) {
    for (int i = 0; i < kParts; ++i) parts[i] += a.parts[i] * b.parts[i];
  }
  RLKD_INLINE void add_product(float a, const Lanes& b) {
    for (int i = 0; i < kParts; ++i) parts[i] += a * b.parts[i];
  }
};

using Quarter __attribute__((vector_size(4 * sizeof(float)))) = float;

// Lane i of the result is the sum of lanes i, i + 4, i + 8, i + 12, in the same order for every width.
RLKD_INLINE Quarter fold(const Lanes<8>& lanes) {
  const auto half = lanes.parts[0] + lanes.parts[1];
  return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
}
RLKD_INLINE Quarter fold(const Lanes<16>& lanes) {
  const auto& all = lanes.parts[0];
  Lanes<8> halves;
  halves.parts[0] = __builtin_shufflevector(all, all, 0, 1, 2, 3, 4, 5, 6, 7);
  halves.parts[1] = __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15);
  return fold(halves);
}
RLKD_INLINE Quarter fold(const Lanes<4>& lanes) {
  return (lanes.parts[0] + lanes.parts[2]) + (lanes.parts[1] + lanes.parts[3]);
}

template <int kWidth>
RLKD_INLINE float sum_of(const Lanes<kWidth>& lanes) {
  const Quarter quarter = fold(lanes);
  return (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
}

// The largest of 16; a NaN may be left out.
RLKD_INLINE float largest_of(const float* lanes) {
  float largest[8];
  for (int i = 0; i < 8; ++i) largest[i] = lanes[i] > lanes[i + 8] ? lanes[i] : lanes[i + 8];
  for (int i = 0; i < 4; ++i) largest[i] = largest[i] > largest[i + 4] ? largest[i] : largest[i + 4];
  for (int i = 0; i < 2; ++i) largest[i] = largest[i] > largest[i + 2] ? largest[i] : largest[i + 2];
  return largest[0] > largest[1] ? largest[0] : largest[1];
}

// scores[i] = scale * query . keys[offsets[i]] for four keys at once.
template <int kWidth>
RLKD_INLINE void dot_four(float* scores, float scale, const float* query, const float* keys,
                          const int64_t* offsets, int64_t head_dim) {
  Lanes<kWidth> sums[4]{};
  int64_t d = 0;
  for (; d + kLanes <= head_dim; d += kLanes) {
    Lanes<kWidth> q;
    q.load(query + d);
    for (int i = 0; i < 4; ++i) {
      Lanes<kWidth> k;
      k.load(keys + offsets[i] + d);
      sums[i].add_product(q, k);
    }
  }
  // A transposition turns four vectors of partial sums into one vector of sums.
  const Quarter a = fold(sums[0]), b = fold(sums[1]), c = fold(sums[2]), e = fold(sums[3]);
  const Quarter ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Quarter ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quarter ce_low = __builtin_shufflevector(c, e, 0, 4, 1, 5);
  const Quarter ce_high = __builtin_shufflevector(c, e, 2, 6, 3, 7);
  const Quarter ab = ab_low + ab_high;  // a0 + a2, b0 + b2, a1 + a3, b1 + b3
  const Quarter ce = ce_low + ce_high;
  const Quarter even = __builtin_shufflevector(ab, ce, 0, 1, 4, 5);
  const Quarter odd = __builtin_shufflevector(ab, ce, 2, 3, 6, 7);
  const Quarter sum = even + odd;
  for (int i = 0; i < 4; ++i) {
    float total = sum[i];
    for (int64_t tail = d; tail < head_dim; ++tail) total += query[tail] * keys[offsets[i] + tail];
    scores[i] = scale * total;
  }
}

// e^x for x <= 0, relative error below 2e-7, by Cephes' expf without its branches. Below -87.3, where e^x is
// subnormal, it is e^-87.3 (1.2e-38). NaN stays NaN.
RLKD_INLINE float exp_nonpositive(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  x = x < -87.3f ? -87.3f : x;
  const float shifted = x * 1.44269504088896341f + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3F800000u;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}

// Beside sums[d] = sum_t e^(s[t] - maximum) value[t][d] of a query head: the maximum, and the same sum of
// ones.
struct Running {
  float maximum = -std::numeric_limits<float>::infinity();
  float normaliser = 0;
};

// Turns a tile of scores into e^(score - maximum) at the new running maximum and rescales what was summed before.
// Past the end of a short tile the scores are -inf.
template <int kWidth>
RLKD_INLINE void advance(Running& running, float* sums, float* scores, int64_t tile, int64_t head_dim) {
  Lanes<kWidth> largest, other;
  largest.load(scores);
  static_assert(kTile == 2 * kLanes);
  other.load(scores + kLanes);
  largest.keep_larger(other);
  float candidates[kLanes];
  largest.store(candidates);
  const float candidate = largest_of(candidates);
  const float maximum = candidate > running.maximum ? candidate : running.maximum;
  for (int64_t t = 0; t < kTile; ++t) scores[t] = exp_nonpositive(scores[t] - maximum);
  for (int64_t t = tile; t < kTile; ++t) scores[t] = 0;
  Lanes<kWidth> total;
  total.load(scores);
  other.load(scores + kLanes);
  total.add(other);
  if (maximum != running.maximum) {
    const float rescale = exp_nonpositive(running.maximum - maximum);
    running.normaliser *= rescale;
    for (int64_t d = 0; d < head_dim; ++d) sums[d] *= rescale;
  }
  running.maximum = maximum;
  running.normaliser += sum_of(total);
}

// sums[d] += sum_t weights[t] * values[offsets[t] + d] for kVectors * 16 entries of d.
template <int kWidth, int kVectors>
RLKD_INLINE void gather(float* sums, const float* weights, const float* values, const int64_t* offsets,
                        int64_t tile) {
  Lanes<kWidth> s[kVectors];
  for (int u = 0; u < kVectors; ++u) s[u].load(sums + u * kLanes);
  for (int64_t t = 0; t < tile; ++t) {
    for (int u = 0; u < kVectors; ++u) {
      Lanes<kWidth> v;
      v.load(values + offsets[t] + u * kLanes);
      s[u].add_product(weights[t], v);
    }
  }
  for (int u = 0; u < kVectors; ++u) s[u].store(sums + u * kLanes);
}

template <int kWidth>
RLKD_INLINE void gather_head(float* sums, const float* weights, const float* values, const int64_t* offsets,
                             int64_t tile, int64_t head_dim) {
  int64_t d = 0;
  for (; kWidth > 4 && d + 4 * kLanes <= head_dim; d += 4 * kLanes) {
    gather<kWidth, 4>(sums + d, weights, values + d, offsets, tile);
  }
  for (; d + 2 * kLanes <= head_dim; d += 2 * kLanes) {
    gather<kWidth, 2>(sums + d, weights, values + d, offsets, tile);
  }
  for (; d + kLanes <= head_dim; d += kLanes) {
    gather<kWidth, 1>(sums + d, weights, values + d, offsets, tile);
  }
  for (; d < head_dim; ++d) {
    for (int64_t t = 0; t < tile; ++t) sums[d] += weights[t] * values[offsets[t] + d];
  }
}

// Walks over a sequence's tokens in the cache.
struct Places {
  const int64_t* block;
  int64_t block_size;
  int64_t token_stride;
  int64_t place = 0;

  // Where the next tokens lie, in elements.
  RLKD_INLINE void next(int64_t* offsets, int64_t tokens) {
    for (int64_t t = 0; t < tokens; ++t) {
      offsets[t] = (*block * block_size + place) * token_stride;
      if (++place == block_size) {
        place = 0;
        ++block;
      }
    }
  }
};

constexpr int64_t kLine = 64;  // bytes of a cache line

RLKD_INLINE void prefetch(const float* from, int64_t byte) {
  __builtin_prefetch(reinterpret_cast<const char*>(from) + byte, 0, 2);
}

// Some rows and some query heads next to each other.
struct Task {
  int64_t row;
  int64_t rows;
  int64_t head;
  int64_t heads;
};

// What is known of one row of a task after some of its tokens.
struct RowState {
  float sums[kHeads * kDecodeAttentionMaxHeadDim];
  Running running[kHeads];
};

// Tokens begin .. end - 1 of a row.
struct Stretch {
  int64_t row;
  int64_t begin;
  int64_t end;
};

// A stretch that starts at a multiple of kTile, for `rows` rows that have it in common; `after` is fetched meanwhile.
template <int kWidth>
RLKD_INLINE void attend_to(const DecodeAttention<float>& inputs, const Task& task, const Stretch& stretch,
                           int64_t rows, const Stretch& after, RowState* states) {
  const int64_t head_dim = inputs.head_dim;
  const int64_t token_stride = inputs.kv_heads * head_dim;
  const int64_t group = inputs.query.cols / token_stride;
  float scores[kHeads][kTile];
  int64_t offsets[kTile];
  int64_t ahead[kTile];
  int64_t head_offsets[kHeads];
  for (int64_t h = 0; h < task.heads; ++h) head_offsets[h] = (task.head + h) / group * head_dim;
  const int64_t first_offset = head_offsets[0];
  const auto used = (head_offsets[task.heads - 1] - first_offset + head_dim) * int64_t{sizeof(float)};

  const auto places_of = [&](const Stretch& part) {
    return Places{inputs.block_table.row(part.row) + part.begin / inputs.block_size, inputs.block_size,
                  token_stride, part.begin % inputs.block_size};
  };
  Places places = places_of(stretch);
  const int64_t row = stretch.row;
  int64_t tile = std::min(kTile, stretch.end - stretch.begin);
  places.next(offsets, tile);
  for (int64_t begin = stretch.begin; begin < stretch.end; begin += kTile) {
    const int64_t ahead_tile = std::min(kTile, stretch.end - begin - tile);
    places.next(ahead, ahead_tile);
    int64_t fetched = ahead_tile;
    if (ahead_tile == 0) {
      fetched = std::min(kTile, after.end - after.begin);
      places_of(after).next(ahead, fetched);
    }
    const int64_t fetched_at_once = (4 * fetched + tile - 1) / tile;  // while four tokens are worked on
    // The last four tokens of a tile may reach past its end: those read the last key again.
    for (int64_t t = tile; t < (tile + 3) / 4 * 4; ++t) offsets[t] = offsets[tile - 1];
    for (int64_t r = 0; r < rows; ++r) {
      RowState& state = states[r];
      const float* query = inputs.query.row(row + r) + task.head * head_dim;
      for (int64_t t = 0; t < tile; t += 4) {
        // While this tile is worked on, the keys and values of the next are fetched.
        const int64_t from = t / 4 * fetched_at_once;
        for (int64_t i = from; r == 0 && i < std::min(from + fetched_at_once, fetched); ++i) {
          for (int64_t byte = 0; byte < used; byte += kLine) {
            prefetch(inputs.keys.data + first_offset + ahead[i], byte);
            prefetch(inputs.values.data + first_offset + ahead[i], byte);
          }
        }
        for (int64_t h = 0; h < task.heads; ++h) {
          dot_four<kWidth>(&scores[h][t], inputs.scale, query + h * head_dim,
                           inputs.keys.data + head_offsets[h], offsets + t, head_dim);
        }
      }
      for (int64_t h = 0; h < task.heads; ++h) {
        for (int64_t t = tile; t < kTile; ++t) scores[h][t] = -std::numeric_limits<float>::infinity();
        float* sums = state.sums + h * head_dim;
        advance<kWidth>(state.running[h], sums, scores[h], tile, head_dim);
        gather_head<kWidth>(sums, scores[h], inputs.values.data + head_offsets[h], offsets, tile, head_dim);
      }
    }
    std::copy_n(ahead, ahead_tile, offsets);
    tile = ahead_tile;
  }
}

// Tokens in whole tiles that all rows of a task begin with: the rows name the same blocks for them.
int64_t common_tokens(const DecodeAttention<float>& inputs, const Task& task) {
  if (task.rows == 1) return 0;
  int64_t blocks = inputs.lengths[task.row] / inputs.block_size;
  const int64_t* first = inputs.block_table.row(task.row);
  for (int64_t r = task.row + 1; r < task.row + task.rows; ++r) {
    blocks = std::min(blocks, inputs.lengths[r] / inputs.block_size);
    blocks = std::mismatch(first, first + blocks, inputs.block_table.row(r)).first - first;
  }
  return blocks * inputs.block_size / kTile * kTile;
}

template <int kWidth>
RLKD_INLINE void attend(const DecodeAttention<float>& inputs, const Task& task, Matrix<float> output) {
  const int64_t head_dim = inputs.head_dim;
  RowState states[kRows];
  for (int64_t r = 0; r < task.rows; ++r) {
    std::memset(states[r].sums, 0, static_cast<size_t>(task.heads * head_dim) * sizeof(float));
  }
  const int64_t common = common_tokens(inputs, task);
  const auto own = [&](int64_t row) {
    return row < task.row + task.rows ? Stretch{row, common, inputs.lengths[row]} : Stretch{task.row, 0, 0};
  };
  attend_to<kWidth>(inputs, task, {task.row, 0, common}, task.rows, own(task.row), states);
  for (int64_t r = 0; r < task.rows; ++r) {
    const int64_t row = task.row + r;
    attend_to<kWidth>(inputs, task, own(row), 1, own(row + 1), states + r);
    for (int64_t h = 0; h < task.heads; ++h) {
      float* out = output.row(row) + (task.head + h) * head_dim;
      const float* sums = states[r].sums + h * head_dim;
      for (int64_t d = 0; d < head_dim; ++d) out[d] = sums[d] / states[r].running[h].normaliser;
    }
  }
}

using Attend = void (*)(const DecodeAttention<float>&, const Task&, Matrix<float>);

void attend_baseline(const DecodeAttention<float>& inputs, const Task& task, Matrix<float> output) {
  attend<4>(inputs, task, output);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void attend_avx2(const DecodeAttention<float>& inputs, const Task& task,
                                                 Matrix<float> output) {
  attend<8>(inputs, task, output);
}

__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,prefer-vector-width=512"))) void attend_avx512(
    const DecodeAttention<float>& inputs, const Task& task, Matrix<float> output) {
  attend<16>(inputs, task, output);
}
#endif

Attend selected() {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return attend_avx512;
    case InstructionSet::avx2:
      return attend_avx2;
    case InstructionSet::baseline:
      break;
  }
#endif
  return attend_baseline;
}

}  // namespace

void decode_attention(const DecodeAttention<float>& inputs, Matrix<float> output) {
  const int64_t heads = inputs.query.cols / inputs.head_dim;
  const int64_t group = heads / inputs.kv_heads;
  const int64_t heads_per_task = group < kHeads ? kHeads / group * group : kHeads;
  const int64_t tasks_per_row = (heads + heads_per_task - 1) / heads_per_task;
  const int64_t rows = inputs.query.rows;
  const int64_t by_threads = rows * tasks_per_row / (kTasksPerThread * omp_get_max_threads());
  const int64_t rows_per_task = std::clamp<int64_t>(by_threads, 1, kRows);
  const int64_t row_tasks = (rows + rows_per_task - 1) / rows_per_task;
  const int64_t tasks = row_tasks * tasks_per_row;
  const Attend attend_task = selected();
#pragma omp parallel for schedule(dynamic) if (tasks > 1)
  for (int64_t i = 0; i < tasks; ++i) {
    const int64_t row = i / tasks_per_row * rows_per_task;
    const int64_t head = i % tasks_per_row * heads_per_task;
    attend_task(inputs,
                {row, std::min(rows_per_task, rows - row), head, std::min(heads_per_task, heads - head)},
                output);
  }
}

}  // namespace rlkd::kernels::cpu
