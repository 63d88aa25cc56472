/*
 * Inner loops of linear for one instruction set. A register tile is kRows rows of the input times kOuts rows of
 * the weight: both are read along `in`, so that neither has to be rearranged, and a vector that is loaded once
 * takes part in several products. The lanes of an accumulator are summed at the end, four accumulators at a time.
 */
#include "cpu/vector/functions.h"
#include "cpu/vector/simd.h"

namespace rlkd::kernels::cpu::RLKD_ISA {

namespace {

constexpr int kOuts = 4;
constexpr int64_t kFewBlocks = 4;  // of rows, for which the weight is fetched ahead
constexpr int64_t kStep = 16;      // rows of the weight between looks ahead

// kRows * kOuts accumulators, kOuts weights and one input fill the registers.
#if defined(__AVX512F__)
constexpr int kRows = 6;
#elif defined(__AVX2__)
constexpr int kRows = 2;
#else
constexpr int kRows = 2;
#endif

inline void store_sum(Floats a, const float* bias, bool accumulate, float* out) {
  float total = sum(a);
  if (bias != nullptr) total += *bias;
  *out = accumulate ? total + *out : total;
}

#if defined(__AVX512F__)
inline void store_four_sums(const Floats* a, const float* bias, bool accumulate, float* out) {
  // Within each quarter: (a0, a1, a0, a1), (a2, a3, ...) and then the four sums.
  const __m512 low = _mm512_add_ps(_mm512_unpacklo_ps(a[0].v, a[1].v), _mm512_unpackhi_ps(a[0].v, a[1].v));
  const __m512 high = _mm512_add_ps(_mm512_unpacklo_ps(a[2].v, a[3].v), _mm512_unpackhi_ps(a[2].v, a[3].v));
  const __m512 quarters =
      _mm512_add_ps(_mm512_shuffle_ps(low, high, 0x44), _mm512_shuffle_ps(low, high, 0xEE));
  const __m256 halves = _mm256_add_ps(_mm512_castps512_ps256(quarters), _mm512_extractf32x8_ps(quarters, 1));
  __m128 sums = _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
  if (bias != nullptr) sums = _mm_add_ps(sums, _mm_loadu_ps(bias));
  if (accumulate) sums = _mm_add_ps(sums, _mm_loadu_ps(out));
  _mm_storeu_ps(out, sums);
}
#else
inline void store_four_sums(const Floats* a, const float* bias, bool accumulate, float* out) {
  for (int j = 0; j < kOuts; ++j) store_sum(a[j], bias == nullptr ? nullptr : bias + j, accumulate, out + j);
}
#endif

// R rows of the input from x times `tiles` times N rows of the weight from w; meanwhile A rows from
// `ahead` on are fetched for each tile.
template <int R, int N, int A>
void tile(const LinearPanel& panel, const float* x, const float* w, const float* ahead, const float* bias,
          float* y, int64_t tiles) {
  const int64_t in = panel.in;
  const int64_t input_stride = panel.input_stride;
  const int64_t weight_stride = panel.weight_stride;
  for (; tiles > 0; --tiles) {
    Floats sums[R][N];
    for (int i = 0; i < R; ++i) {
      for (int j = 0; j < N; ++j) sums[i][j] = Floats::all(0);
    }
    const auto add_products = [&](auto load) __attribute__((always_inline)) {
      Floats weights[N];
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) weights[j] = load(w + j * weight_stride);
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) {
        const Floats value = load(x + i * input_stride);
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) sums[i][j] = multiply_add(value, weights[j], sums[i][j]);
      }
    };
    int64_t k = 0;
    for (; k + Floats::width <= in; k += Floats::width) {
#pragma GCC unroll 4
      for (int a = 0; a < A; ++a) __builtin_prefetch(ahead + a * weight_stride + k, 0, 2);
      add_products([k](const float* p) { return Floats::load(p + k); });
    }
    if (k < in) {
      const int64_t rest = in - k;
      add_products([k, rest](const float* p) { return Floats::load_first(p + k, rest, 0); });
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      if (N == kOuts) {
        store_four_sums(sums[i], bias, panel.accumulate, y + i * panel.output_stride);
      } else {
        store_sum(sums[i][0], bias, panel.accumulate, y + i * panel.output_stride);
      }
    }
    w += N * weight_stride;
    if (A > 0) ahead += N * weight_stride;
    y += N;
    if (bias != nullptr) bias += N;
  }
}

using Tile = void (*)(const LinearPanel&, const float*, const float*, const float*, const float*, float*,
                      int64_t);

template <int N, int A>
Tile tile_of(int64_t rows) {
  switch (rows) {
    case 1:
      return tile<1, N, A>;
#if defined(__AVX512F__)
    case 3:
      return tile<3, N, A>;
    case 4:
      return tile<4, N, A>;
    case 5:
      return tile<5, N, A>;
    case 6:
      return tile<6, N, A>;
#endif
    default:
      return tile<2, N, A>;
  }
}

}  // namespace

void linear_panel(const LinearPanel& panel) {
  const int64_t blocks = (panel.rows + kRows - 1) / kRows;
  const auto first_row = [&](int64_t block) { return block * panel.rows / blocks; };
  const auto run = [&](Tile tile, int64_t block, int64_t out, const float* ahead, int64_t tiles) {
    const int64_t row = first_row(block);
    tile(panel, panel.input + row * panel.input_stride, panel.weight + out * panel.weight_stride, ahead,
         panel.bias == nullptr ? nullptr : panel.bias + out, panel.output + row * panel.output_stride + out,
         tiles);
  };
  const auto rows_of = [&](int64_t block) { return first_row(block + 1) - first_row(block); };
  const int64_t whole = panel.outs / kOuts * kOuts;
  if (blocks <= kFewBlocks) {
    // The weight comes from memory, and that is what takes the time: while the rows use one step of it, the next is on
    // its way to the second-level cache, its requests spread over three blocks of rows.
    for (int64_t out = 0; out < whole; out += kStep) {
      const int64_t tiles = (whole - out < kStep ? whole - out : kStep) / kOuts;
      const float* next = panel.weight + (out + kStep) * panel.weight_stride;
      if (blocks == 1) {
        run(tile_of<kOuts, kOuts>(panel.rows), 0, out, next, tiles);
        continue;
      }
      run(tile_of<kOuts, 2>(rows_of(0)), 0, out, next, tiles);
      if (blocks == 2) {
        run(tile_of<kOuts, 2>(rows_of(1)), 1, out, next + 2 * panel.weight_stride, tiles);
        continue;
      }
      run(tile_of<kOuts, 1>(rows_of(1)), 1, out, next + 2 * panel.weight_stride, tiles);
      run(tile_of<kOuts, 1>(rows_of(2)), 2, out, next + 3 * panel.weight_stride, tiles);
      for (int64_t b = 3; b < blocks; ++b) run(tile_of<kOuts, 0>(rows_of(b)), b, out, nullptr, tiles);
    }
  } else {
    // The panel stays in the second-level cache, a block of the input in the first.
    for (int64_t b = 0; b < blocks; ++b) run(tile_of<kOuts, 0>(rows_of(b)), b, 0, nullptr, whole / kOuts);
  }
  for (int64_t b = 0; b < blocks; ++b) {
    run(tile_of<1, 0>(rows_of(b)), b, whole, nullptr, panel.outs - whole);
  }
}

}  // namespace rlkd::kernels::cpu::RLKD_ISA
