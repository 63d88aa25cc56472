/*
 * policy_loss on a device, in fp64: the loss of every loss_type, its gradient and the sums for the metrics
 * (formulas: rlkd/kernels/policy_loss.h).
 *
 * One launch. A block takes a sequence; thread k takes its tokens k, k + kThreads, ... in all passes:
 *   measure        what its tokens need to know of the sequence: the count of tokens, mean log-ratio, phi, off-policy
 *                  mask
 *   differentiate  each token's term, gradient and share of the sums
 *   through_mean   at sequence level the gradient through the mean log-ratio, which needs the sum of all terms
 * The last block to arrive then adds the sequences' sums in their order, one thread a sum: the result has the same
 * bits in every run, padding with masked tokens does not change it, and the loss and the counters stay in device
 * memory.
 *
 * A pre-pass (one more launch, of one block) runs where every gradient needs a number of the whole call: the count of
 * masked tokens (bnpo or an entropy bonus without batch_tokens) or the entropy quantile. The quantile is an exact
 * order statistic, found by radix selection: four passes over the entropies, a histogram of 8 bits of an
 * order-preserving integer each. It is bound by the latency of one block; whoever knows batch_tokens and uses no
 * quantile does not pay for it.
 *
 * Numerics: differences of log-probs are taken in fp64, so that a ratio near 1 keeps its digits; sums are fp64; only
 * the gradients are rounded to fp32. Terms of weight 0 are never formed, hence inf * 0 never is.
 *
 * Traffic: reads 4 bytes a token for each input that is given (logprob, old_logprob, mask; entropy, ref_logprob,
 * ... where used; the second pass hits the cache), writes 4 to 8. About 60 fp64 flops and an exponential a token.
 */
#include "device/last_block.cuh"
#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "rlkd/kernels/policy_loss.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int kTotalsThreads = 512;
constexpr int kDigits = 256;

__device__ constexpr double not_a_number() { return __builtin_nan(""); }

/** What multiplies the advantage. */
enum class Surrogate { clipped, cispo, sapo, vespo };

/** Numbers of the whole call that every gradient may need. */
struct Totals {
  double tokens;
  double bonus_tokens;      /**< that the entropy bonus is the mean over */
  double entropy_threshold; /**< a token with less entropy is dropped; NaN drops none */
};

/** A sequence's share of the results. */
struct SequenceSums {
  PolicyLossCounters counters; /**< of the sequence alone */
  double entropy_kept_sum;
};
constexpr int kSums = sizeof(SequenceSums) / sizeof(double);

struct Workspace {
  Arrivals* arrivals;
  Totals* totals;
  SequenceSums* sequences; /**< [B] */

  explicit Workspace(void* memory)
      : arrivals(static_cast<Arrivals*>(memory)),
        totals(reinterpret_cast<Totals*>(static_cast<char*>(memory) + 64)),
        sequences(reinterpret_cast<SequenceSums*>(static_cast<char*>(memory) + 128)) {}
  static size_t bytes(int64_t batch) { return 128 + static_cast<size_t>(batch) * sizeof(SequenceSums); }
};

/** Whether batch_tokens leaves a number open that needs the pre-pass. */
bool needs_totals(const PolicyLossOptions& options) {
  if (options.top_entropy_quantile < 1) return true;
  const bool counts_tokens = options.loss_type == LossType::bnpo || options.entropy_coefficient != 0;
  return counts_tokens && !(options.batch_tokens > 0);
}

/* ---- Pre-pass ------------------------------------------------------------------------------------------------ */

/** An integer that orders as the float does; not for NaN. */
__device__ __forceinline__ unsigned ordered(float value) {
  const unsigned bits = __float_as_uint(value + 0.0f);  // -0 becomes 0
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float of_ordered(unsigned key) {
  return __uint_as_float((key >> 31) != 0 ? key & 0x7FFFFFFFu : ~key);
}

/** Calls visit(i, t) for the thread's masked tokens of the call. */
template <class Visit>
__device__ __forceinline__ void each_masked_token(const PolicyLossInputs& inputs, Visit visit) {
  for (int64_t i = 0; i < inputs.mask.rows; ++i) {
#pragma unroll 4
    for (int64_t t = threadIdx.x; t < inputs.mask.cols; t += kTotalsThreads) {
      if (inputs.mask(i, t) != 0) visit(i, t);
    }
  }
}

/** Shared memory of a selection. */
struct Selection {
  unsigned long long histogram[kDigits];
  unsigned digit;          /**< that holds the wanted rank */
  unsigned long long less; /**< keys of a lower digit */
};

/** Finds the digit that holds `rank` of a histogram. One warp calls it. */
__device__ void find_digit(Selection& selection, unsigned long long rank) {
  constexpr int kEach = kDigits / kWarp;
  const int lane = static_cast<int>(threadIdx.x);
  unsigned long long own = 0;
  for (int k = 0; k < kEach; ++k) own += selection.histogram[lane * kEach + k];
  unsigned long long before = own;  // of this lane and the lower ones
#pragma unroll
  for (int lanes = 1; lanes < kWarp; lanes *= 2) {
    const unsigned long long lower = __shfl_up_sync(kFullWarp, before, lanes);
    if (lane >= lanes) before += lower;
  }
  before -= own;
  if (rank < before || rank >= before + own) return;
  int digit = lane * kEach;
  while (rank >= before + selection.histogram[digit]) before += selection.histogram[digit++];
  selection.digit = static_cast<unsigned>(digit);
  selection.less = before;
}

/** An order statistic: the key of that rank, and how many keys are less and how many equal. */
struct Ranked {
  unsigned key;
  unsigned long long less;
  unsigned long long equal;
};

/** The masked entropy of rank `rank`, counted from 0. All threads of the block call it. */
__device__ Ranked select(const PolicyLossInputs& inputs, unsigned long long rank, Selection& selection) {
  Ranked result{0, 0, 0};
  for (int shift = 24; shift >= 0; shift -= 8) {
    const unsigned known = shift == 24 ? 0 : 0xFFFFFFFFu << (shift + 8);
    __syncthreads();
    for (int digit = static_cast<int>(threadIdx.x); digit < kDigits; digit += kTotalsThreads) {
      selection.histogram[digit] = 0;
    }
    __syncthreads();
    each_masked_token(inputs, [&](int64_t i, int64_t t) {
      const unsigned key = ordered(inputs.entropy(i, t));
      if ((key & known) == result.key) atomicAdd(&selection.histogram[key >> shift & (kDigits - 1)], 1ull);
    });
    __syncthreads();
    if (threadIdx.x < kWarp) find_digit(selection, rank - result.less);
    __syncthreads();
    result.key |= selection.digit << shift;
    result.less += selection.less;
    result.equal = selection.histogram[selection.digit];
  }
  return result;
}

struct LowestKey {
  __device__ unsigned operator()(unsigned a, unsigned b) const { return a < b ? a : b; }
};

__device__ unsigned lowest_key_above(const PolicyLossInputs& inputs, unsigned key, unsigned* scratch) {
  unsigned lowest = 0xFFFFFFFFu;
  each_masked_token(inputs, [&](int64_t i, int64_t t) {
    const unsigned other = ordered(inputs.entropy(i, t));
    if (other > key && other < lowest) lowest = other;
  });
  return block_reduce<kTotalsThreads>(lowest, LowestKey{}, scratch);
}

/** How many masked tokens there are, and how many of their entropies are NaN. */
struct TokenCounts {
  unsigned long long tokens;
  unsigned long long undefined;
};

struct SumCounts {
  __device__ TokenCounts operator()(TokenCounts a, TokenCounts b) const {
    return {a.tokens + b.tokens, a.undefined + b.undefined};
  }
};

/** One block. */
__global__ void __launch_bounds__(kTotalsThreads, 1)
    totals_kernel(PolicyLossInputs inputs, PolicyLossOptions options, Totals* result) {
  __shared__ TokenCounts counts_scratch[kTotalsThreads / kWarp];
  __shared__ unsigned key_scratch[kTotalsThreads / kWarp];
  __shared__ Selection selection;
  const bool by_entropy = options.top_entropy_quantile < 1;

  TokenCounts counts{0, 0};
  each_masked_token(inputs, [&](int64_t i, int64_t t) {
    counts.tokens += 1;
    counts.undefined += by_entropy && isnan(inputs.entropy(i, t));
  });
  counts = block_reduce<kTotalsThreads>(counts, SumCounts{}, counts_scratch);

  const auto tokens = static_cast<double>(counts.tokens);
  double threshold = not_a_number();
  double kept = tokens;
  if (by_entropy && counts.undefined == 0 && counts.tokens > 0) {  // the same for all threads
    double position = (1 - options.top_entropy_quantile) * (tokens - 1);
    if (fabs(position - rint(position)) < 1e-9) position = rint(position);
    const auto below = static_cast<unsigned long long>(position);
    const Ranked low = select(inputs, below, selection);
    threshold = of_ordered(low.key);
    unsigned long long dropped = low.less;
    if (below + 1 < counts.tokens) {
      const bool high_is_equal = below + 1 < low.less + low.equal;
      const unsigned high = high_is_equal ? low.key : lowest_key_above(inputs, low.key, key_scratch);
      const double start = threshold;
      threshold += (position - static_cast<double>(below)) * (of_ordered(high) - start);
      if (threshold > start) dropped += low.equal;
    }
    if (!isnan(threshold)) kept = static_cast<double>(counts.tokens - dropped);
  }
  if (threadIdx.x == 0) {
    *result = {options.batch_tokens > 0 ? options.batch_tokens : tokens,
               !by_entropy && options.batch_tokens > 0 ? options.batch_tokens : kept, threshold};
  }
}

/* ---- Loss ---------------------------------------------------------------------------------------------------- */

/** A policy term before its weight, and its derivatives through the ratio and through the factor logprob. */
struct Term {
  double value;
  double by_log_ratio;
  double by_logprob;
};

template <Surrogate surrogate>
__device__ __forceinline__ Term policy_term(double advantage, double ratio, double logprob, double phi,
                                            const PolicyLossOptions& options) {
  if constexpr (surrogate == Surrogate::cispo || surrogate == Surrogate::vespo) {
    const double capped = ratio > options.epsilon_high ? options.epsilon_high : ratio;
    const double weight = surrogate == Surrogate::vespo ? phi : capped;
    return {-weight * advantage * logprob, 0, -weight * advantage};
  } else if constexpr (surrogate == Surrogate::sapo) {
    const double tau = advantage > 0 ? options.sapo_temperature_pos : options.sapo_temperature_neg;
    const double sigmoid = 1 / (1 + exp(tau * (1 - ratio)));
    const double slope = sigmoid * (1 - sigmoid);
    // The slope of an overflowed ratio is 0, and 0 * inf would be NaN.
    return {-4 / tau * sigmoid * advantage, slope > 0 ? -4 * slope * ratio * advantage : slope, 0};
  } else {
    const double low = 1 - options.epsilon;
    const double high = 1 + options.epsilon_high;
    const double capped = ratio > options.delta ? options.delta : ratio;  // a NaN delta compares false: off
    const double clipped = ratio < low ? low : ratio > high ? high : ratio;
    const bool clip_wins = clipped * advantage < capped * advantage;
    const bool passes = clip_wins ? ratio == clipped : ratio == capped;
    const double surrogate_ratio = clip_wins ? clipped : capped;
    return {-surrogate_ratio * advantage, passes || isnan(ratio) ? -ratio * advantage : 0, 0};
  }
}

/** Sums over a sequence's tokens before the first gradient. */
struct Measured {
  double tokens;
  double log_ratio;          /**< of d */
  double clipped_log_ratio;  /**< of clip(d, -20, 20) and, in vespo, the sampler's log-ratio */
  double sampler_divergence; /**< of sampler_logprob - logprob */
};

struct SumMeasured {
  __device__ Measured operator()(Measured a, Measured b) const {
    return {a.tokens + b.tokens, a.log_ratio + b.log_ratio, a.clipped_log_ratio + b.clipped_log_ratio,
            a.sampler_divergence + b.sampler_divergence};
  }
};

/** What a sequence's tokens need to know of it. */
struct Sequence {
  double tokens;
  double ratio; /**< exp of the mean d; at sequence level */
  double phi;
  bool kept; /**< by the off-policy mask */

  __device__ double normalizer() const { return tokens > 1 ? tokens : 1; }
};

/** Sums over a sequence's tokens of what differentiate() finds. */
struct TokenSums {
  double loss;
  double by_log_ratio;
  double entropy;
  double entropy_kept;
  double entropy_kept_sum;
  double kl;
  double ratios;
  double ratio;
  double ratio_min; /**< NaN: nothing yet */
  double ratio_max;
  double clip_low;
  double clip_high;

  static __device__ TokenSums none() {
    return {0, 0, 0, 0, 0, 0, 0, 0, not_a_number(), not_a_number(), 0, 0};
  }
};

struct MergeTokenSums {
  __device__ TokenSums operator()(const TokenSums& a, const TokenSums& b) const {
    // fmin and fmax: the NaN that stands for "nothing yet" gives way.
    return {a.loss + b.loss,
            a.by_log_ratio + b.by_log_ratio,
            a.entropy + b.entropy,
            a.entropy_kept + b.entropy_kept,
            a.entropy_kept_sum + b.entropy_kept_sum,
            a.kl + b.kl,
            a.ratios + b.ratios,
            a.ratio + b.ratio,
            fmin(a.ratio_min, b.ratio_min),
            fmax(a.ratio_max, b.ratio_max),
            a.clip_low + b.clip_low,
            a.clip_high + b.clip_high};
  }
};

/** One call as its blocks see it: the arguments, and row `i` of them. */
template <Surrogate surrogate>
struct Call {
  const PolicyLossInputs& inputs;
  const PolicyLossOptions& options;
  const PolicyLossOutputs& outputs;
  const Totals totals;
  const int64_t i;

  __device__ bool sequence_level() const { return options.importance_level == ImportanceLevel::sequence; }
  /** One ratio and one clip test a sequence. */
  __device__ bool one_ratio() const { return sequence_level() && inputs.advantages.cols == 1; }
  __device__ double accumulation() const { return options.training ? options.accumulation_steps : 1; }
  /** What multiplies the entropy of a kept token in the bonus. */
  __device__ double bonus_factor() const {
    if (options.entropy_coefficient == 0) return 0;
    const double tokens = totals.bonus_tokens > 1 ? totals.bonus_tokens : 1;
    return options.entropy_coefficient / (tokens * accumulation());
  }

  __device__ bool masked_in(int64_t t) const { return inputs.mask(i, t) != 0; }
  __device__ double difference(int64_t t) const {
    return inputs.old_logprob ? static_cast<double>(inputs.logprob(i, t)) - inputs.old_logprob(i, t) : 0;
  }
  __device__ double advantage(int64_t t) const {
    return inputs.advantages(i, inputs.advantages.cols == 1 ? 0 : t);
  }
  __device__ double sampler_log_ratio(int64_t t) const {
    const double ratio = inputs.importance_ratio(i, t);
    return log(ratio < 1e-8 ? 1e-8 : ratio);
  }

  /** What multiplies a token of the sequence in the loss. */
  __device__ double token_factor(const Sequence& sequence) const {
    const double sequences =
        options.batch_sequences > 0 ? options.batch_sequences : static_cast<double>(inputs.logprob.rows);
    switch (options.loss_type) {
      case LossType::grpo:
      case LossType::sapo:
        return 1 / (sequence.normalizer() * sequences * accumulation());
      case LossType::luspo:
        return 1 / (sequences * accumulation());
      case LossType::bnpo:
        return 1 / ((totals.tokens > 1 ? totals.tokens : 1) * accumulation());
      case LossType::dr_grpo:
        return 1 / (sequences * options.max_completion_length * accumulation());
      case LossType::dapo:
      case LossType::cispo:
      case LossType::vespo:
        break;
    }
    const double scale = options.training ? options.steps_per_generation / accumulation() : 1;
    return scale * options.num_processes / (options.num_items_in_batch > 1 ? options.num_items_in_batch : 1);
  }

  __device__ Measured measure_tokens() const {
    const Matrix<const float> sampler = inputs.sampler_logprob ? inputs.sampler_logprob : inputs.old_logprob;
    const bool drift = !isnan(options.off_policy_threshold) && sampler;
    const bool token_ratio = surrogate == Surrogate::vespo && inputs.importance_ratio.cols > 1;
    Measured sums{0, 0, 0, 0};
    for (int64_t t = threadIdx.x; t < inputs.logprob.cols; t += kThreads) {
      if (!masked_in(t)) continue;
      sums.tokens += 1;
      if (sequence_level()) sums.log_ratio += difference(t);
      if constexpr (surrogate == Surrogate::vespo) {
        const double d = difference(t);
        sums.clipped_log_ratio += d < -20 ? -20 : d > 20 ? 20 : d;
        if (token_ratio) sums.clipped_log_ratio += sampler_log_ratio(t);
      }
      if (drift && !isnan(sampler(i, t))) {
        sums.sampler_divergence += static_cast<double>(sampler(i, t)) - inputs.logprob(i, t);
      }
    }
    return sums;
  }

  __device__ Sequence sequence_of(const Measured& sums) const {
    Sequence sequence{sums.tokens, 1, 0, true};
    if (sequence_level()) sequence.ratio = exp(sums.log_ratio / sequence.normalizer());
    if constexpr (surrogate == Surrogate::vespo) sequence.phi = vespo_phi(sums.clipped_log_ratio);
    if (!isnan(options.off_policy_threshold) && !(inputs.advantages(i, 0) >= 0)) {
      sequence.kept = !(sums.sampler_divergence / sequence.normalizer() > options.off_policy_threshold);
    }
    return sequence;
  }

  __device__ double vespo_phi(double s) const {
    const double least = log(1e-8);
    if (inputs.importance_ratio && inputs.importance_ratio.cols == 1) s += sampler_log_ratio(0);
    s = s < least ? least : s > 20 ? 20 : s;
    const bool positive = inputs.advantages(i, 0) >= 0;
    const double k = positive ? options.vespo_k_pos : options.vespo_k_neg;
    const double lambda = positive ? options.vespo_lambda_pos : options.vespo_lambda_neg;
    return exp(lambda + k * s - lambda * exp(s));
  }

  __device__ void count_ratio(double ratio, double advantage, TokenSums& sums) const {
    sums.ratio_min = fmin(sums.ratio_min, ratio);
    sums.ratio_max = fmax(sums.ratio_max, ratio);
    sums.ratios += 1;
    sums.ratio += ratio;
    if constexpr (surrogate == Surrogate::clipped) {
      const double capped = ratio > options.delta ? options.delta : ratio;
      sums.clip_low += capped < 1 - options.epsilon && advantage < 0;
      sums.clip_high += capped > 1 + options.epsilon_high && advantage > 0;
    } else if constexpr (surrogate == Surrogate::cispo) {
      sums.clip_high += ratio > options.epsilon_high && advantage > 0;
    }
  }

  /** Whether the entropy quantile keeps the token; counts its entropy. */
  __device__ bool count_entropy(int64_t t, TokenSums& sums) const {
    if (!inputs.entropy) {
      sums.entropy_kept += 1;
      sums.entropy = sums.entropy_kept_sum = not_a_number();
      return true;
    }
    const double entropy = inputs.entropy(i, t);
    const bool kept = isnan(totals.entropy_threshold) || !(entropy < totals.entropy_threshold);
    sums.entropy += entropy;
    sums.entropy_kept += kept;
    if (kept) sums.entropy_kept_sum += entropy;
    return kept;
  }

  /** The token's term with its weight and KL; `ratio` is its importance ratio. */
  __device__ Term token_term(int64_t t, double ratio, bool entropy_kept, const Sequence& sequence,
                             TokenSums& sums) const {
    const double logprob = inputs.logprob(i, t);
    double weight = sequence.kept && entropy_kept ? 1 : 0;
    if (surrogate != Surrogate::vespo && inputs.importance_ratio) {
      weight *= inputs.importance_ratio(i, inputs.importance_ratio.cols == 1 ? 0 : t);
    }
    Term term{0, 0, 0};
    if (weight != 0 && advantage(t) != 0) {
      term = policy_term<surrogate>(advantage(t), ratio, logprob, sequence.phi, options);
      term = {weight * term.value, weight * term.by_log_ratio, weight * term.by_logprob};
    }
    if (options.beta != 0) {
      const double x = inputs.ref_logprob(i, t) - logprob;
      const double e = exp(x);
      const double correction = options.bias_correction_kl ? ratio : 1;
      const double kl = (e - x - 1) * correction;
      sums.kl += kl;
      term.value += options.beta * kl;
      term.by_logprob += options.beta * (1 - e) * correction;
      if (options.bias_correction_kl) term.by_log_ratio += options.beta * kl;
    }
    return term;
  }

  /** Gradients of the thread's tokens (at sequence level without what goes through the mean), and their sums. */
  __device__ TokenSums differentiate(const Sequence& sequence) const {
    const double factor = token_factor(sequence);
    const auto bonus_slope = static_cast<float>(-bonus_factor());
    TokenSums sums = TokenSums::none();
    if (one_ratio() && threadIdx.x == 0) count_ratio(sequence.ratio, inputs.advantages(i, 0), sums);
    for (int64_t t = threadIdx.x; t < inputs.logprob.cols; t += kThreads) {
      float dlogprob = 0;
      float dentropy = 0;
      if (masked_in(t)) {
        const double ratio = sequence_level() ? sequence.ratio : exp(difference(t));
        if (!one_ratio()) count_ratio(ratio, advantage(t), sums);
        const bool entropy_kept = count_entropy(t, sums);
        const Term term = token_term(t, ratio, entropy_kept, sequence, sums);
        sums.loss += term.value;
        sums.by_log_ratio += term.by_log_ratio;
        const double through_ratio = sequence_level() ? 0 : term.by_log_ratio;
        dlogprob = static_cast<float>((term.by_logprob + through_ratio) * factor);
        if (entropy_kept) dentropy = bonus_slope;
      }
      outputs.dlogprob(i, t) = dlogprob;
      if (outputs.dentropy) outputs.dentropy(i, t) = dentropy;
    }
    return sums;
  }

  __device__ void add_through_mean(double through_mean) const {
    for (int64_t t = threadIdx.x; t < inputs.logprob.cols; t += kThreads) {
      if (masked_in(t)) outputs.dlogprob(i, t) = static_cast<float>(outputs.dlogprob(i, t) + through_mean);
    }
  }

  __device__ SequenceSums sums_of(const Sequence& sequence, const TokenSums& sums) const {
    const bool with_entropy = static_cast<bool>(inputs.entropy);
    const bool with_ratios = sums.ratios > 0;
    SequenceSums result;
    PolicyLossCounters& counters = result.counters;
    counters.sequences = 1;
    counters.tokens = sequence.tokens;
    counters.ratios = sums.ratios;
    counters.policy_loss = sums.loss * token_factor(sequence);
    counters.entropy_sum = with_entropy ? sums.entropy : not_a_number();
    counters.kl_sum = sums.kl;
    counters.ratio_sum = sums.ratio;
    counters.ratio_min = sums.ratio_min;
    counters.ratio_max = sums.ratio_max;
    counters.clip_low_sum = sums.clip_low;
    counters.clip_high_sum = sums.clip_high;
    counters.clip_low_min = with_ratios ? sums.clip_low / sums.ratios : not_a_number();
    counters.clip_high_max = with_ratios ? sums.clip_high / sums.ratios : not_a_number();
    counters.vespo_phi_sum = sequence.phi;
    counters.off_policy_kept = sequence.kept;
    counters.entropy_kept = sums.entropy_kept;
    result.entropy_kept_sum = with_entropy ? sums.entropy_kept_sum : not_a_number();
    return result;
  }
};

/** How the sums of sequences become those of the call: by the place of the sum in SequenceSums. */
__device__ __forceinline__ double add_sequence(int place, double total, double sequence) {
  constexpr int kRatioMin = offsetof(PolicyLossCounters, ratio_min) / sizeof(double);
  constexpr int kRatioMax = offsetof(PolicyLossCounters, ratio_max) / sizeof(double);
  constexpr int kClipLowMin = offsetof(PolicyLossCounters, clip_low_min) / sizeof(double);
  constexpr int kClipHighMax = offsetof(PolicyLossCounters, clip_high_max) / sizeof(double);
  if (place == kRatioMin || place == kClipLowMin) return fmin(total, sequence);
  if (place == kRatioMax || place == kClipHighMax) return fmax(total, sequence);
  return total + sequence;
}

/** The last block: sequences in their order, a thread for each sum. */
__device__ void gather(const SequenceSums* sequences, int64_t batch, double* totals) {
  const int place = static_cast<int>(threadIdx.x);
  if (place < kSums) {
    const double* sums = reinterpret_cast<const double*>(sequences) + place;
    double total = sums[0];
#pragma unroll 8
    for (int64_t i = 1; i < batch; ++i) total = add_sequence(place, total, sums[i * kSums]);
    totals[place] = total;
  }
  __syncthreads();
}

/** A block for each sequence. */
template <Surrogate surrogate>
__global__ void __launch_bounds__(kThreads, 1)
    loss_kernel(PolicyLossInputs inputs, PolicyLossOptions options, PolicyLossOutputs outputs,
                Workspace workspace, bool totals_given) {
  __shared__ Measured measured_scratch[kWarps];
  __shared__ TokenSums sums_scratch[kWarps];
  __shared__ double call_sums[kSums];
  __shared__ bool last_scratch;
  const Totals totals =
      totals_given ? *workspace.totals : Totals{options.batch_tokens, options.batch_tokens, not_a_number()};
  const Call<surrogate> call{inputs, options, outputs, totals, blockIdx.x};

  const Sequence sequence =
      call.sequence_of(block_reduce<kThreads>(call.measure_tokens(), SumMeasured{}, measured_scratch));
  const TokenSums sums = block_reduce<kThreads>(call.differentiate(sequence), MergeTokenSums{}, sums_scratch);
  if (call.sequence_level()) {
    call.add_through_mean(sums.by_log_ratio * (call.token_factor(sequence) / sequence.normalizer()));
  }
  if (threadIdx.x == 0) workspace.sequences[blockIdx.x] = call.sums_of(sequence, sums);

  if (!last_to_arrive(workspace.arrivals, gridDim.x, &last_scratch)) return;
  gather(workspace.sequences, inputs.logprob.rows, call_sums);
  const int place = static_cast<int>(threadIdx.x);
  if (outputs.counters != nullptr && place < kSums - 1) {
    reinterpret_cast<double*>(outputs.counters)[place] = call_sums[place];
  }
  if (threadIdx.x == 0) {
    double loss = call_sums[offsetof(PolicyLossCounters, policy_loss) / sizeof(double)];
    if (options.entropy_coefficient != 0) loss -= call.bonus_factor() * call_sums[kSums - 1];
    *outputs.loss = loss;
  }
}

auto kernel_of(LossType type) {
  switch (type) {
    case LossType::cispo:
      return loss_kernel<Surrogate::cispo>;
    case LossType::sapo:
      return loss_kernel<Surrogate::sapo>;
    case LossType::vespo:
      return loss_kernel<Surrogate::vespo>;
    default:
      return loss_kernel<Surrogate::clipped>;
  }
}

}  // namespace

size_t policy_loss_workspace_size(int64_t batch) { return Workspace::bytes(batch); }

DeviceStatus policy_loss(const PolicyLossInputs& inputs, const PolicyLossOptions& options,
                         const PolicyLossOutputs& outputs, void* memory, Stream stream) {
  const Workspace workspace(memory);
  DeviceStatus status = clear_memory("policy_loss_arrivals", workspace.arrivals, sizeof(Arrivals), stream);
  if (!status) return status;
  const bool totals_given = needs_totals(options);
  if (totals_given) {
    status = launch("policy_loss_totals", totals_kernel, {1, kTotalsThreads}, stream, inputs, options,
                    workspace.totals);
    if (!status) return status;
  }
  return launch("policy_loss", kernel_of(options.loss_type),
                {dim3(static_cast<unsigned>(inputs.logprob.rows)), kThreads}, stream, inputs, options,
                outputs, workspace, totals_given);
}

}  // namespace rlkd::kernels::cuda
