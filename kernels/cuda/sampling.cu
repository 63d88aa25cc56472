/*
 * sampling on a device: a block draws a row.
 *
 *   w_j = exp((y_j - max y) / temperature), y the logits with the tokens of the history penalised; kept are a
 *   prefix of the order "falling y, then falling id" (top_k, top_p) without weights below min_p; the token is the
 *   first by id where the running sum of kept weights exceeds u times their total.
 *
 * Nothing is sorted but a last few tokens, and nothing of the vocabulary's size is written. An Order is a token's
 * place as one integer, (bits of y made monotone, id): the larger comes first, all are distinct.
 *
 *   scan    one pass: the largest y and its token, and the softmax of the logits as given, for the log-prob.
 *   top_k, top_p   find the last token of the shortest prefix that weighs `needed`; top_k with weights 1. A pass cuts
 *           the range of Orders that holds it into 8 bins, each thread adding to slots of its own; the bins' sums
 *           tell the one to go on with. The first cuts lie at distances from the maximum in units of the temperature,
 *           later ones divide the range evenly. Once kList tokens or fewer are left they are sorted in shared
 *           memory and their running weight is looked through. Usually two passes a filter; equal logits and flat
 *           distributions take some more, whatever their shape: at most 21, as a range has 64 bits.
 *   draw    one pass: the weight of up to 512 segments of the row, their running sum, then the one segment again.
 *
 * Numerics: weights in double, by the exponential of the CPU kernel, so that they are its bits. All sums are double
 * in an order that depends on the vocabulary alone: no atomic adds. They differ from the CPU's by rounding (below
 * 1e-13 of the total for any vocabulary to 2^18, about 1e-15 as a rule), so that the tokens are the CPU's unless u
 * or top_p falls that close to a boundary. The log-prob's exponentials are float, summed in double: its error is that
 * of logprob_forward, its bits are not.
 *
 * Traffic: at least rows * vocab * sizeof(T) bytes from memory; a pass after the first finds the row in the L2 cache.
 * 3 passes without filters, about 2 more each for top_k and top_p. Flops: 30 in fp64 for the weight of a token, of
 * every token without top_k, of the kept ones with it; where fp64 is slow (sm_120: 1/64 of fp32) they dominate.
 */
#include <cfloat>

#include "device/exponential.cuh"
#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "device/vector_access.cuh"
#include "rlkd/kernels/philox.h"
#include "rlkd/kernels/sampling.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int kThreads = 512;
constexpr int kWarps = kThreads / kWarp;
constexpr int kBins = 8;
constexpr int kList = 2048;
constexpr int kListShare = kList / kThreads;  // of a thread
constexpr size_t kSlotBytes = kBins * kThreads * sizeof(double);
constexpr int64_t kSharedBitmap = 32 * 1024;  // bytes; of larger vocabularies it is in the workspace
static_assert(kList * sizeof(uint64_t) <= kSlotBytes, "the list takes the place of the slots");

int64_t bitmap_words(int64_t vocab) { return (vocab + 31) / 32; }

__device__ int lane() { return static_cast<int>(threadIdx.x) % kWarp; }
__device__ int warp() { return static_cast<int>(threadIdx.x) / kWarp; }

/* ---- Order ---------------------------------------------------------------------------------------------------- */

/** A token's place by falling score, then falling id: the larger comes first. */
using Order = uint64_t;

/** Rises with the score; equal for -0 and 0. */
__device__ uint32_t key_of(float score) {
  const uint32_t bits = __float_as_uint(score + 0.0f);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}
__device__ float score_of(uint32_t key) {
  return __uint_as_float((key >> 31) != 0 ? key & 0x7FFFFFFFu : ~key);
}
__device__ Order order_of(float score, int64_t token) {
  return Order{key_of(score)} << 32 | static_cast<uint32_t>(token);
}
__device__ float score_of(Order order) { return score_of(static_cast<uint32_t>(order >> 32)); }

/* ---- A row ---------------------------------------------------------------------------------------------------- */

template <class T>
struct Row {
  const T* logits;
  int64_t vocab;
  const unsigned* penalised;  // a bit a token; null: none is
  float penalty;

  __device__ __forceinline__ float score(int64_t token, T logit) const {
    const float x = to_float(logit);
    if (penalised == nullptr || (penalised[token / 32] >> token % 32 & 1) == 0 || x == -INFINITY) return x;
    const float changed = x < 0 ? x * penalty : x / penalty;
    return changed > FLT_MAX ? FLT_MAX : changed < -FLT_MAX ? -FLT_MAX : changed;
  }

  /**
   * f(token, logit) for the tokens in [begin, end), divided among `count` threads of which this is `index`: packs
   * from `begin` on, wherever the row lies in memory, so that sums have one order. A row that is not aligned is
   * read one by one.
   */
  template <class F>
  __device__ __forceinline__ void visit(int64_t begin, int64_t end, int index, int count, F f) const {
    const bool aligned = aligned_for_packs(logits + begin);
    for (int64_t j = begin + index * Pack<T>::kSize; j < end; j += count * Pack<T>::kSize) {
      if (aligned && end - j >= Pack<T>::kSize) {
        const Pack<T> pack = load_pack(logits + j);
#pragma unroll
        for (int i = 0; i < Pack<T>::kSize; ++i) f(j + i, pack.element[i]);
      } else {
        const int64_t stop = min(j + Pack<T>::kSize, end);
#pragma unroll 1
        for (int64_t i = j; i < stop; ++i) f(i, logits[i]);
      }
    }
  }

  /** By the block. */
  template <class F>
  __device__ __forceinline__ void visit(F f) const {
    visit(0, vocab, static_cast<int>(threadIdx.x), kThreads, f);
  }
};

/** Marks the tokens of the history in `bitmap`. */
__device__ void mark(unsigned* bitmap, int64_t words, const int64_t* history, int64_t size) {
  for (int64_t i = threadIdx.x; i < words; i += kThreads) bitmap[i] = 0;
  __syncthreads();
  for (int64_t i = threadIdx.x; i < size; i += kThreads) {
    atomicOr(&bitmap[history[i] / 32], 1u << history[i] % 32);
  }
  __syncthreads();
}

/* ---- Scan ----------------------------------------------------------------------------------------------------- */

/** Of some tokens: the softmax of their logits, and the token of the largest score. */
struct Scan {
  double total;  // sum exp((logit - max) / temperature); NaN if a logit is NaN or +inf
  Order best;    // key of the largest score, complement of its lowest id
  float max;     // of the logits; -inf: none so far, or only -inf
  float unused;

  __device__ __forceinline__ void add(float logit, float inverse_temperature) {
    if (!(logit <= max)) {
      rescale(logit, inverse_temperature);
    } else if (max == -INFINITY) {
      return;
    }
    total += expf((logit - max) * inverse_temperature);
  }
  __device__ __forceinline__ void rescale(float larger, float inverse_temperature) {
    if (larger == max) return;
    if (max != -INFINITY) total *= expf((max - larger) * inverse_temperature);
    max = larger;
  }
};

struct MergeScans {
  float inverse_temperature;

  __device__ __forceinline__ Scan operator()(Scan a, Scan b) const {
    const float larger = Max{}(a.max, b.max);
    a.rescale(larger, inverse_temperature);
    b.rescale(larger, inverse_temperature);
    a.total += b.total;
    a.best = Max{}(a.best, b.best);
    return a;
  }
};

template <class T>
__device__ Scan scan(const Row<T>& row, float inverse_temperature) {
  __shared__ Scan scratch[kWarps];
  Scan result{0, 0, -INFINITY, 0};
  row.visit([&](int64_t token, T logit) {
    result.add(to_float(logit), inverse_temperature);
    const uint32_t key = key_of(row.score(token, logit));
    result.best = Max{}(result.best, Order{key} << 32 | ~static_cast<uint32_t>(token));
  });
  return block_reduce<kThreads>(result, MergeScans{inverse_temperature}, scratch);
}

/* ---- Filters -------------------------------------------------------------------------------------------------- */

/** The weight of the softmax; of the largest score it is 1. */
struct SoftmaxWeight {
  double max;
  double inverse_temperature;

  __device__ __forceinline__ double operator()(float score) const {
    return exponential((score - max) * inverse_temperature);
  }
};

/** top_k counts. */
struct UnitWeight {
  __device__ __forceinline__ double operator()(float) const { return 1; }
};

/** Of the threads before this one; in an order that depends on nothing but the block. Two barriers. */
__device__ double sum_before(double value) {
  __shared__ double warp_sums[kWarps];
  double sum = value;
#pragma unroll
  for (int lanes = 1; lanes < kWarp; lanes *= 2) {
    const double other = __shfl_up_sync(kFullWarp, sum, lanes);
    if (lane() >= lanes) sum += other;
  }
  double before = __shfl_up_sync(kFullWarp, sum, 1);
  if (lane() == 0) before = 0;
  __syncthreads();
  if (lane() == kWarp - 1) warp_sums[warp()] = sum;
  __syncthreads();
  double warps = 0;
  for (int w = 0; w < warp(); ++w) warps += warp_sums[w];
  return warps + before;
}

/** Finds where a prefix of the order ends. */
template <class T, class Weight>
class PrefixSearch {
 public:
  /** Among the tokens of order `low` and larger; `slots`: kSlotBytes of shared memory. */
  __device__ PrefixSearch(const Row<T>& row, Weight weight, Order low, void* slots)
      : row_(row),
        weight_(weight),
        range_{low, ~Order{0}, 0},
        slots_(static_cast<double*>(slots)),
        list_(static_cast<Order*>(slots)) {}

  /** The last token of the shortest prefix that weighs share * total (`share` < 1) or `needed`; the first if that
   * is 0. */
  __device__ Order last_of_share(float max_score, float temperature, double share) {
    return last(max_score, temperature, [share](double total) { return share * total; });
  }
  __device__ Order last_of_weight(float max_score, float temperature, double needed) {
    return last(max_score, temperature, [needed](double) { return needed; });
  }

 private:
  struct Range {
    Order low;
    Order high;
    double before;  // weight of the tokens beyond high

    __device__ bool contains(Order order) const { return order >= low && order <= high; }
  };

  struct Gathered {
    Order low;
    Order high;
  };
  struct Extremes {
    __device__ Gathered operator()(const Gathered& a, const Gathered& b) const {
      return {Min{}(a.low, b.low), Max{}(a.high, b.high)};
    }
  };

  template <class Needed>
  __device__ Order last(float max_score, float temperature, Needed needed_of) {
    constexpr float kDistances[kBins - 1] = {0.5f, 1, 2, 4, 6, 8, 12};
    Order cuts[kBins - 1];
#pragma unroll
    for (int i = 0; i < kBins - 1; ++i) cuts[i] = order_of(max_score - kDistances[i] * temperature, 0);
    const double needed = needed_of(weigh(cuts));
    narrow(cuts, needed);
    int count = gather();
    while (count > kList) {
      const Order width = (range_.high - range_.low) / kBins;
#pragma unroll
      for (int i = 0; i < kBins - 1; ++i) cuts[i] = range_.high - width * static_cast<Order>(i + 1);
      weigh(cuts);
      narrow(cuts, needed);
      count = gather();
    }
    sort(count);
    return in_list(count, needed);
  }

  /** Fills sums_ with the weights of [cuts[0], high], [cuts[1], cuts[0] - 1], ..; returns their total. */
  __device__ double weigh(const Order (&cuts)[kBins - 1]) {
    __shared__ double sums[kBins];
    __syncthreads();  // the slots may be in use as list, the sums from the last time
#pragma unroll
    for (int b = 0; b < kBins; ++b) slots_[b * kThreads + threadIdx.x] = 0;
    row_.visit([&](int64_t token, T logit) {
      const float score = row_.score(token, logit);
      const Order order = order_of(score, token);
      if (!range_.contains(order)) return;
      int bin = 0;
#pragma unroll
      for (int i = 0; i < kBins - 1; ++i) bin += order < cuts[i];
      slots_[bin * kThreads + threadIdx.x] += weight_(score);
    });
    __syncthreads();
    if (warp() < kBins) {
      double sum = 0;
      for (int i = lane(); i < kThreads; i += kWarp) sum += slots_[warp() * kThreads + i];
      sum = warp_reduce(sum, Sum{});
      if (lane() == 0) sums[warp()] = sum;
    }
    __syncthreads();
    double total = 0;
#pragma unroll
    for (int b = 0; b < kBins; ++b) total += sums_[b] = sums[b];
    return total;
  }

  /** The bin in which the weight reaches `needed` becomes the range. Where rounding leaves it short of that, the
   * last. */
  __device__ void narrow(const Order (&cuts)[kBins - 1], double needed) {
    double before = range_.before;
    Order high = range_.high;
    bool found = false;
#pragma unroll
    for (int b = 0; b < kBins; ++b) {
      const Order low = b < kBins - 1 ? cuts[b < kBins - 1 ? b : 0] : range_.low;
      if (!found && (b == kBins - 1 || before + sums_[b] >= needed)) {
        found = true;
        range_ = {low > range_.low ? low : range_.low, high, before};
      }
      before += sums_[b];
      high = low - 1;
    }
  }

  /** Puts the first kList tokens of the range that come along into the list; makes the range end at tokens; returns
   * their number. */
  __device__ int gather() {
    __shared__ int count;
    __shared__ Gathered scratch[kWarps];
    __syncthreads();
    if (threadIdx.x == 0) count = 0;
    __syncthreads();
    Gathered found{~Order{0}, 0};
    row_.visit([&](int64_t token, T logit) {
      const Order order = order_of(row_.score(token, logit), token);
      if (!range_.contains(order)) return;
      found = Extremes{}(found, {order, order});
      const int place = atomicAdd(&count, 1);
      if (place < kList) list_[place] = order;
    });
    found = block_reduce<kThreads>(found, Extremes{}, scratch);
    range_.low = found.low;
    range_.high = found.high;
    return count;
  }

  /** The list by falling order (bitonic sort), filled up with 0 to a power of two. */
  __device__ void sort(int count) {
    int size = 1;
    while (size < count) size *= 2;
    for (int i = count + static_cast<int>(threadIdx.x); i < size; i += kThreads) list_[i] = 0;
    __syncthreads();
    for (int run = 2; run <= size; run *= 2) {
      for (int stride = run / 2; stride > 0; stride /= 2) {
        for (int i = static_cast<int>(threadIdx.x); i < size / 2; i += kThreads) {
          const int a = i / stride * 2 * stride + i % stride;
          const int b = a + stride;
          const bool falling = (a & run) == 0;
          const Order x = list_[a];
          const Order y = list_[b];
          if ((x < y) == falling) {
            list_[a] = y;
            list_[b] = x;
          }
        }
        __syncthreads();
      }
    }
  }

  __device__ Order in_list(int count, double needed) {
    __shared__ int scratch[kWarps];
    const int begin = static_cast<int>(threadIdx.x) * kListShare;
    double weights[kListShare];
    double sum = 0;
#pragma unroll
    for (int i = 0; i < kListShare; ++i) {
      weights[i] = begin + i < count ? weight_(score_of(list_[begin + i])) : 0;
      sum += weights[i];
    }
    double running = range_.before + sum_before(sum);
    int place = count - 1;
#pragma unroll
    for (int i = 0; i < kListShare; ++i) {
      running += weights[i];
      if (running >= needed && begin + i < place) place = begin + i;
    }
    place = block_reduce<kThreads>(place, Min{}, scratch);
    const Order order = list_[place];
    __syncthreads();
    return order;
  }

  const Row<T>& row_;
  const Weight weight_;
  Range range_;
  double* slots_;  // [kBins, kThreads]
  Order* list_;    // in their place
  double sums_[kBins];
};

/* ---- Draw ----------------------------------------------------------------------------------------------------- */

/** Which tokens are left. */
struct Kept {
  SoftmaxWeight weight;
  Order last;
  double min_p;

  /** 0 for a token that is not kept. */
  __device__ __forceinline__ double operator()(int64_t token, float score) const {
    if (order_of(score, token) < last) return 0;
    const double w = weight(score);
    return w < min_p ? 0 : w;
  }
};

/** The first token of [begin, end) where start + the running weight exceeds target, else the last kept. By a warp. */
template <class T>
__device__ int64_t draw_in_segment(const Row<T>& row, const Kept& kept, int64_t begin, int64_t end,
                                   double start, double target) {
  int64_t last = -1;
  for (int64_t tile = begin; tile < end; tile += kWarp) {
    const int64_t token = tile + lane();
    const double weight = token < end ? kept(token, row.score(token, row.logits[token])) : 0;
    double sum = weight;
#pragma unroll
    for (int lanes = 1; lanes < kWarp; lanes *= 2) {
      const double other = __shfl_up_sync(kFullWarp, sum, lanes);
      if (lane() >= lanes) sum += other;
    }
    const unsigned beyond = __ballot_sync(kFullWarp, weight > 0 && start + sum > target);
    if (beyond != 0) return tile + __ffs(static_cast<int>(beyond)) - 1;
    const unsigned any = __ballot_sync(kFullWarp, weight > 0);
    if (any != 0) last = tile + kWarp - 1 - __clz(static_cast<int>(any));
    start += __shfl_sync(kFullWarp, sum, kWarp - 1);
  }
  return last;
}

/** By the block; the token is right in the first warp. */
template <class T>
__device__ int64_t draw(const Row<T>& row, const Kept& kept, double uniform) {
  __shared__ double segment_weight[kThreads];
  __shared__ int scratch[kWarps];
  __shared__ double total;
  __shared__ double start;
  constexpr int64_t kGranule = kWarp * Pack<T>::kSize;
  const int64_t length = ((row.vocab + kThreads - 1) / kThreads + kGranule - 1) / kGranule * kGranule;
  const int segments = static_cast<int>((row.vocab + length - 1) / length);
  const auto end_of = [&](int64_t segment) { return min((segment + 1) * length, row.vocab); };
  for (int s = warp(); s < segments; s += kWarps) {
    double sum = 0;
    row.visit(s * length, end_of(s), lane(), kWarp,
              [&](int64_t token, T logit) { sum += kept(token, row.score(token, logit)); });
    sum = warp_reduce(sum, Sum{});
    if (lane() == 0) segment_weight[s] = sum;
  }
  __syncthreads();
  const int segment = static_cast<int>(threadIdx.x);
  const double weight = segment < segments ? segment_weight[segment] : 0;
  const double before = sum_before(weight);
  if (segment == kThreads - 1) total = before + weight;
  __syncthreads();
  const double target = uniform * total;
  const int last = block_reduce<kThreads>(weight > 0 ? segment : 0, Max{}, scratch);
  const bool beyond = weight > 0 && before + weight > target;
  const int drawn = block_reduce<kThreads>(beyond ? segment : last, Min{}, scratch);
  if (segment == drawn) start = before;
  __syncthreads();
  if (warp() != 0) return -1;
  return draw_in_segment(row, kept, drawn * length, end_of(drawn), start, target);
}

/** `bitmaps`: bitmap_words a row of device memory, or null where dynamic shared memory holds them. */
template <class T>
__global__ void __launch_bounds__(kThreads, 1)
    sampling_kernel(SamplingInputsOf<T> inputs, int64_t words, unsigned* bitmaps, Vector<int64_t> tokens,
                    Vector<float> logprob) {
  unsigned char* slots = dynamic_shared<unsigned char>();
  const int64_t i = blockIdx.x;
  Row<T> row{inputs.logits.row(i), inputs.logits.cols, nullptr, 1};
  if (words > 0 && inputs.repetition_penalty[i] != 1) {
    unsigned* bitmap =
        bitmaps == nullptr ? reinterpret_cast<unsigned*>(slots + kSlotBytes) : bitmaps + i * words;
    const int64_t begin = inputs.history_offsets[i];
    mark(bitmap, words, inputs.history.data + begin, inputs.history_offsets[i + 1] - begin);
    row.penalised = bitmap;
    row.penalty = inputs.repetition_penalty[i];
  }

  const bool greedy = inputs.temperature[i] == 0;
  const float temperature = greedy ? 1 : inputs.temperature[i];
  const Scan scanned = scan(row, 1 / temperature);
  const bool defined = scanned.total > 0;  // not NaN, and not the 0 of a row of -inf
  int64_t token = static_cast<int64_t>(~static_cast<uint32_t>(scanned.best));
  if (defined && !greedy) {
    const float max_score = score_of(scanned.best);
    const SoftmaxWeight weight{max_score, 1 / static_cast<double>(temperature)};
    Order last = 0;
    const int64_t top_k = inputs.top_k[i];
    if (top_k > 0 && top_k < row.vocab) {
      PrefixSearch<T, UnitWeight> search(row, UnitWeight{}, 0, slots);
      const Order kth = search.last_of_weight(max_score, temperature, static_cast<double>(top_k));
      last = kth >> 32 << 32;  // and what ties with it
    }
    if (inputs.top_p[i] < 1) {
      PrefixSearch<T, SoftmaxWeight> search(row, weight, last, slots);
      last = search.last_of_share(max_score, temperature, inputs.top_p[i]);
    }
    const double uniform = philox_uniform(inputs.seed[i], inputs.position[i]);
    token = draw(row, Kept{weight, last, inputs.min_p[i]}, uniform);
  }
  if (threadIdx.x != 0) return;
  tokens[i] = defined ? token : -1;
  const double difference = defined ? static_cast<double>(to_float(row.logits[token])) - scanned.max : NAN;
  logprob[i] = static_cast<float>(difference / temperature - log(scanned.total));
}

}  // namespace

size_t sampling_workspace_size(int64_t rows, int64_t vocab) {
  const int64_t bytes = bitmap_words(vocab) * 4;
  return bytes <= kSharedBitmap ? 0 : static_cast<size_t>(rows * bytes);
}

template <class T>
DeviceStatus sampling(const SamplingInputsOf<T>& inputs, Vector<int64_t> tokens, Vector<float> logprob,
                      void* workspace, Stream stream) {
  const int64_t rows = inputs.logits.rows;
  const int64_t vocab = inputs.logits.cols;
  const int64_t words = inputs.repetition_penalty && inputs.history ? bitmap_words(vocab) : 0;
  const bool shared = sampling_workspace_size(rows, vocab) == 0;
  const size_t shared_bytes = kSlotBytes + (shared ? static_cast<size_t>(words) * 4 : 0);
  return launch("sampling", sampling_kernel<T>, {dim3(static_cast<unsigned>(rows)), kThreads, shared_bytes},
                stream, inputs, words, shared ? nullptr : static_cast<unsigned*>(workspace), tokens, logprob);
}

#define RLKD_INSTANTIATE(T)                                                                            \
  template DeviceStatus sampling<T>(const SamplingInputsOf<T>&, Vector<int64_t>, Vector<float>, void*, \
                                    Stream);
RLKD_INSTANTIATE(float)
RLKD_INSTANTIATE(bfloat16)
RLKD_INSTANTIATE(float16)

}  // namespace rlkd::kernels::cuda
