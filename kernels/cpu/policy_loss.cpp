#include "rlkd/kernels/policy_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rlkd::kernels::cpu {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Below this many tokens a parallel region costs more than the work.
constexpr int64_t kParallelTokens = 1 << 12;

/** What multiplies the advantage. */
enum class Surrogate { clipped, cispo, sapo, vespo };

Surrogate surrogate_of(LossType type) {
  switch (type) {
    case LossType::cispo:
      return Surrogate::cispo;
    case LossType::sapo:
      return Surrogate::sapo;
    case LossType::vespo:
      return Surrogate::vespo;
    default:
      return Surrogate::clipped;
  }
}

/** Per sequence: what its tokens need to know, and the sums over them. Lives in the workspace. */
struct Sequence {
  double tokens;
  double log_ratio; /**< mean of d */
  double phi;
  bool kept; /**< by the off-policy mask */

  double loss;
  double entropy_sum;
  double entropy_kept;
  double entropy_kept_sum;
  double kl_sum;
  double ratios;
  double ratio_sum;
  double ratio_min;
  double ratio_max;
  double clip_low;
  double clip_high;

  double normalizer() const { return std::max(tokens, 1.0); }
};

size_t sequences_bytes(int64_t batch) {
  return (static_cast<size_t>(batch) * sizeof(Sequence) + 63) / 64 * 64;
}

/** A policy term before its weight, and its derivatives through the ratio and through the factor logprob. */
struct Term {
  double value;
  double by_log_ratio;
  double by_logprob;
};

template <Surrogate surrogate>
Term policy_term(double advantage, double ratio, double logprob, double phi,
                 const PolicyLossOptions& options) {
  if constexpr (surrogate == Surrogate::cispo || surrogate == Surrogate::vespo) {
    const double weight = surrogate == Surrogate::vespo ? phi : std::min(ratio, options.epsilon_high);
    return {-weight * advantage * logprob, 0, -weight * advantage};
  } else if constexpr (surrogate == Surrogate::sapo) {
    const double tau = advantage > 0 ? options.sapo_temperature_pos : options.sapo_temperature_neg;
    const double sigmoid = 1 / (1 + std::exp(tau * (1 - ratio)));
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
    return {-surrogate_ratio * advantage, passes || std::isnan(ratio) ? -ratio * advantage : 0, 0};
  }
}

/** One call: the arguments and the numbers that all sequences share. */
struct Call {
  const PolicyLossInputs& inputs;
  const PolicyLossOptions& options;
  const PolicyLossOutputs& outputs;
  double entropy_threshold; /**< a token with less entropy is dropped; NaN drops none */
  double tokens;            /**< of the micro-batch */
  double bonus_factor;      /**< what multiplies the entropy of a kept token in the bonus */

  bool sequence_level() const { return options.importance_level == ImportanceLevel::sequence; }
  /** One ratio and one clip test a sequence. */
  bool one_ratio() const { return sequence_level() && inputs.advantages.cols == 1; }

  double difference(int64_t i, int64_t t) const {
    return inputs.old_logprob ? static_cast<double>(inputs.logprob(i, t)) - inputs.old_logprob(i, t) : 0;
  }

  /** What multiplies a token of the sequence in the loss. */
  double token_factor(const Sequence& sequence) const {
    const double accumulation = options.training ? options.accumulation_steps : 1;
    const double sequences =
        options.batch_sequences > 0 ? options.batch_sequences : static_cast<double>(inputs.logprob.rows);
    switch (options.loss_type) {
      case LossType::grpo:
      case LossType::sapo:
        return 1 / (sequence.normalizer() * sequences * accumulation);
      case LossType::luspo:
        return 1 / (sequences * accumulation);
      case LossType::bnpo:
        return 1 / (std::max(tokens, 1.0) * accumulation);
      case LossType::dr_grpo:
        return 1 / (sequences * options.max_completion_length * accumulation);
      case LossType::dapo:
      case LossType::cispo:
      case LossType::vespo:
        break;
    }
    const double scale = options.training ? options.steps_per_generation / accumulation : 1;
    return scale * options.num_processes / std::max(options.num_items_in_batch, 1.0);
  }

  /** Sums over the sequence that its tokens need: count, mean log-ratio, phi, off-policy mask. */
  Sequence measure(int64_t i) const {
    const int64_t length = inputs.logprob.cols;
    const float* mask = inputs.mask.row(i);
    Sequence sequence{};
    sequence.kept = true;
    sequence.ratio_min = sequence.ratio_max = kNaN;
    for (int64_t t = 0; t < length; ++t) sequence.tokens += mask[t] != 0;
    if (sequence_level()) {
      double sum = 0;
      for (int64_t t = 0; t < length; ++t) sum += mask[t] != 0 ? difference(i, t) : 0;
      sequence.log_ratio = sum / sequence.normalizer();
    }
    if (options.loss_type == LossType::vespo) sequence.phi = vespo_phi(i);
    if (!std::isnan(options.off_policy_threshold) && !(inputs.advantages(i, 0) >= 0)) {
      sequence.kept = !(sampler_divergence(i) / sequence.normalizer() > options.off_policy_threshold);
    }
    return sequence;
  }

  double vespo_phi(int64_t i) const {
    static const double kMinLogRatio = std::log(1e-8);
    const auto sampler_log_ratio = [&](int64_t t) {
      return std::log(std::max(static_cast<double>(inputs.importance_ratio(i, t)), 1e-8));
    };
    const bool sequence_ratio = inputs.importance_ratio && inputs.importance_ratio.cols == 1;
    const bool token_ratio = inputs.importance_ratio && !sequence_ratio;
    double s = sequence_ratio ? sampler_log_ratio(0) : 0;
    for (int64_t t = 0; t < inputs.logprob.cols; ++t) {
      if (inputs.mask(i, t) == 0) continue;
      const double d = difference(i, t);
      s += d < -20 ? -20 : d > 20 ? 20 : d;
      if (token_ratio) s += sampler_log_ratio(t);
    }
    s = s < kMinLogRatio ? kMinLogRatio : s > 20 ? 20 : s;
    const bool positive = inputs.advantages(i, 0) >= 0;
    const double k = positive ? options.vespo_k_pos : options.vespo_k_neg;
    const double lambda = positive ? options.vespo_lambda_pos : options.vespo_lambda_neg;
    return std::exp(lambda + k * s - lambda * std::exp(s));
  }

  /** Sum of sampler_logprob - logprob over the masked tokens. */
  double sampler_divergence(int64_t i) const {
    const Matrix<const float> sampler = inputs.sampler_logprob ? inputs.sampler_logprob : inputs.old_logprob;
    if (!sampler) return 0;
    double sum = 0;
    for (int64_t t = 0; t < inputs.logprob.cols; ++t) {
      if (inputs.mask(i, t) == 0 || std::isnan(sampler(i, t))) continue;
      sum += static_cast<double>(sampler(i, t)) - inputs.logprob(i, t);
    }
    return sum;
  }

  bool high_entropy(int64_t i, int64_t t) const {
    return std::isnan(entropy_threshold) || !(inputs.entropy(i, t) < entropy_threshold);
  }

  void measure_entropy(int64_t i, Sequence& sequence) const {
    if (!inputs.entropy) {
      sequence.entropy_sum = sequence.entropy_kept_sum = kNaN;
      sequence.entropy_kept = sequence.tokens;
      return;
    }
    for (int64_t t = 0; t < inputs.logprob.cols; ++t) {
      if (inputs.mask(i, t) == 0) continue;
      sequence.entropy_sum += inputs.entropy(i, t);
      if (!high_entropy(i, t)) continue;
      sequence.entropy_kept += 1;
      sequence.entropy_kept_sum += inputs.entropy(i, t);
    }
  }

  void count_ratio(double ratio, double advantage, Sequence& sequence) const {
    sequence.ratio_min = std::fmin(sequence.ratio_min, ratio);
    sequence.ratio_max = std::fmax(sequence.ratio_max, ratio);
    sequence.ratios += 1;
    sequence.ratio_sum += ratio;
    const double capped = ratio > options.delta ? options.delta : ratio;
    switch (surrogate_of(options.loss_type)) {
      case Surrogate::clipped:
        sequence.clip_low += capped < 1 - options.epsilon && advantage < 0;
        sequence.clip_high += capped > 1 + options.epsilon_high && advantage > 0;
        return;
      case Surrogate::cispo:
        sequence.clip_high += ratio > options.epsilon_high && advantage > 0;
        return;
      case Surrogate::sapo:
      case Surrogate::vespo:
        return;
    }
  }

  /** Loss and gradient of one sequence. */
  template <Surrogate surrogate>
  void differentiate(int64_t i, Sequence& sequence) const {
    const int64_t length = inputs.logprob.cols;
    const double factor = token_factor(sequence);
    const bool token_level = !sequence_level();
    const double sequence_ratio = std::exp(sequence.log_ratio);
    if (one_ratio()) count_ratio(sequence_ratio, inputs.advantages(i, 0), sequence);

    double through_mean = 0;
    for (int64_t t = 0; t < length; ++t) {
      if (inputs.mask(i, t) == 0) {
        outputs.dlogprob(i, t) = 0;
        if (outputs.dentropy) outputs.dentropy(i, t) = 0;
        continue;
      }
      const double advantage = inputs.advantages(i, inputs.advantages.cols == 1 ? 0 : t);
      const double logprob = inputs.logprob(i, t);
      const double ratio = token_level ? std::exp(difference(i, t)) : sequence_ratio;
      if (!one_ratio()) count_ratio(ratio, advantage, sequence);

      const bool entropy_kept = high_entropy(i, t);
      double weight = sequence.kept && entropy_kept ? 1 : 0;
      if (surrogate != Surrogate::vespo && inputs.importance_ratio) {
        weight *= inputs.importance_ratio(i, inputs.importance_ratio.cols == 1 ? 0 : t);
      }
      Term term{0, 0, 0};
      if (weight != 0 && advantage != 0) {
        term = policy_term<surrogate>(advantage, ratio, logprob, sequence.phi, options);
        term = {weight * term.value, weight * term.by_log_ratio, weight * term.by_logprob};
      }
      if (options.beta != 0) {
        const double x = inputs.ref_logprob(i, t) - logprob;
        const double e = std::exp(x);
        const double correction = options.bias_correction_kl ? ratio : 1;
        const double kl = (e - x - 1) * correction;
        sequence.kl_sum += kl;
        term.value += options.beta * kl;
        term.by_logprob += options.beta * (1 - e) * correction;
        if (options.bias_correction_kl) term.by_log_ratio += options.beta * kl;
      }
      sequence.loss += term.value;
      through_mean += term.by_log_ratio;
      const double through_ratio = token_level ? term.by_log_ratio : 0;
      outputs.dlogprob(i, t) = static_cast<float>((term.by_logprob + through_ratio) * factor);
      if (outputs.dentropy) outputs.dentropy(i, t) = entropy_kept ? static_cast<float>(-bonus_factor) : 0.0f;
    }
    sequence.loss *= factor;

    if (token_level) return;
    through_mean *= factor / sequence.normalizer();
    for (int64_t t = 0; t < length; ++t) {
      if (inputs.mask(i, t) == 0) continue;
      outputs.dlogprob(i, t) = static_cast<float>(outputs.dlogprob(i, t) + through_mean);
    }
  }

  void differentiate(int64_t i, Sequence& sequence) const {
    switch (surrogate_of(options.loss_type)) {
      case Surrogate::clipped:
        return differentiate<Surrogate::clipped>(i, sequence);
      case Surrogate::cispo:
        return differentiate<Surrogate::cispo>(i, sequence);
      case Surrogate::sapo:
        return differentiate<Surrogate::sapo>(i, sequence);
      case Surrogate::vespo:
        return differentiate<Surrogate::vespo>(i, sequence);
    }
  }

  /** The interpolated (1 - top_entropy_quantile) quantile of the masked entropies; NaN if there is none or
   * one of them is NaN. `scratch` holds a value for each masked token. */
  double entropy_quantile(float* scratch) const {
    int64_t count = 0;
    for (int64_t i = 0; i < inputs.logprob.rows; ++i) {
      for (int64_t t = 0; t < inputs.logprob.cols; ++t) {
        if (inputs.mask(i, t) == 0) continue;
        if (std::isnan(inputs.entropy(i, t))) return kNaN;
        scratch[count++] = inputs.entropy(i, t);
      }
    }
    if (count == 0) return kNaN;
    double position = (1 - options.top_entropy_quantile) * static_cast<double>(count - 1);
    if (std::abs(position - std::round(position)) < 1e-9) position = std::round(position);
    const auto below = static_cast<int64_t>(position);
    std::nth_element(scratch, scratch + below, scratch + count);
    const double low = scratch[below];
    if (below + 1 == count) return low;
    const double high = *std::min_element(scratch + below + 1, scratch + count);
    return low + (position - static_cast<double>(below)) * (high - low);
  }
};

/** The counters of one more sequence. */
void add(const Sequence& sequence, PolicyLossCounters& counters) {
  counters.sequences += 1;
  counters.tokens += sequence.tokens;
  counters.ratios += sequence.ratios;
  counters.policy_loss += sequence.loss;
  counters.entropy_sum += sequence.entropy_sum;
  counters.kl_sum += sequence.kl_sum;
  counters.vespo_phi_sum += sequence.phi;
  counters.off_policy_kept += sequence.kept;
  counters.entropy_kept += sequence.entropy_kept;
  if (sequence.ratios == 0) return;
  // fmin and fmax: the NaN that stands for "nothing yet" gives way.
  counters.ratio_sum += sequence.ratio_sum;
  counters.ratio_min = std::fmin(counters.ratio_min, sequence.ratio_min);
  counters.ratio_max = std::fmax(counters.ratio_max, sequence.ratio_max);
  counters.clip_low_sum += sequence.clip_low;
  counters.clip_high_sum += sequence.clip_high;
  counters.clip_low_min = std::fmin(counters.clip_low_min, sequence.clip_low / sequence.ratios);
  counters.clip_high_max = std::fmax(counters.clip_high_max, sequence.clip_high / sequence.ratios);
}

}  // namespace

size_t policy_loss_workspace_size(int64_t batch, int64_t length, const PolicyLossOptions& options) {
  const size_t entropies =
      options.top_entropy_quantile < 1 ? static_cast<size_t>(batch * length) * sizeof(float) : 0;
  return sequences_bytes(batch) + entropies;
}

void policy_loss(const PolicyLossInputs& inputs, const PolicyLossOptions& options,
                 const PolicyLossOutputs& outputs, void* workspace) {
  const int64_t batch = inputs.logprob.rows;
  const bool parallel = batch * inputs.logprob.cols >= kParallelTokens;
  auto* sequences = static_cast<Sequence*>(workspace);
  Call call{inputs, options, outputs, kNaN, 0, 0};

  if (options.top_entropy_quantile < 1) {
    call.entropy_threshold = call.entropy_quantile(
        reinterpret_cast<float*>(static_cast<char*>(workspace) + sequences_bytes(batch)));
  }
#pragma omp parallel for schedule(static) if (parallel)
  for (int64_t i = 0; i < batch; ++i) {
    sequences[i] = call.measure(i);
    call.measure_entropy(i, sequences[i]);
  }

  double bonus_tokens = 0;
  for (int64_t i = 0; i < batch; ++i) {
    call.tokens += sequences[i].tokens;
    bonus_tokens += sequences[i].entropy_kept;
  }
  if (options.batch_tokens > 0) {
    call.tokens = options.batch_tokens;
    if (options.top_entropy_quantile == 1) bonus_tokens = options.batch_tokens;
  }
  const double accumulation = options.training ? options.accumulation_steps : 1;
  call.bonus_factor = options.entropy_coefficient / (std::max(bonus_tokens, 1.0) * accumulation);

#pragma omp parallel for schedule(static) if (parallel)
  for (int64_t i = 0; i < batch; ++i) call.differentiate(i, sequences[i]);

  PolicyLossCounters counters{};
  counters.ratio_min = counters.ratio_max = counters.clip_low_min = counters.clip_high_max = kNaN;
  double entropy_kept_sum = 0;
  for (int64_t i = 0; i < batch; ++i) {
    add(sequences[i], counters);
    entropy_kept_sum += sequences[i].entropy_kept_sum;
  }
  *outputs.loss = counters.policy_loss;
  if (options.entropy_coefficient != 0) *outputs.loss -= call.bonus_factor * entropy_kept_sum;
  if (outputs.counters != nullptr) *outputs.counters = counters;
}

}  // namespace rlkd::kernels::cpu
