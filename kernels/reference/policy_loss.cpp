// Oracle: each quantity of the formula as a [B, T] table, then the loss and its derivative by the chain rule.
#include "rlkd/kernels/policy_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace rlkd::kernels::reference {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/** A [rows, cols] table of doubles. */
class Table {
 public:
  Table(int64_t rows, int64_t cols, double fill = 0)
      : cols_(cols), values_(static_cast<size_t>(rows * cols), fill) {}
  double& operator()(int64_t i, int64_t t) { return values_[static_cast<size_t>(i * cols_ + t)]; }
  double operator()(int64_t i, int64_t t) const { return values_[static_cast<size_t>(i * cols_ + t)]; }

 private:
  int64_t cols_;
  std::vector<double> values_;
};

/** Entry (i, t) of a [B, T] or [B, 1] input. */
double broadcast(Matrix<const float> matrix, int64_t i, int64_t t) {
  return matrix(i, matrix.cols == 1 ? 0 : t);
}

double nan_min(double a, double b) { return std::isnan(a) ? b : std::min(a, b); }
double nan_max(double a, double b) { return std::isnan(a) ? b : std::max(a, b); }

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  double position = q * static_cast<double>(values.size() - 1);
  if (std::abs(position - std::round(position)) < 1e-9) position = std::round(position);
  const auto below = static_cast<size_t>(position);
  const auto above = std::min(below + 1, values.size() - 1);
  return values[below] + (position - static_cast<double>(below)) * (values[above] - values[below]);
}

/** A policy term before its weight, with its two partial derivatives. */
struct Term {
  double value;
  double by_log_ratio; /**< through r, with logprob held fixed */
  double by_logprob;   /**< through the explicit factor logprob */
};

Term policy_term(double advantage, double ratio, double logprob, double phi,
                 const PolicyLossOptions& options) {
  switch (options.loss_type) {
    case LossType::cispo: {
      const double weight = std::min(ratio, options.epsilon_high);
      return {-weight * advantage * logprob, 0, -weight * advantage};
    }
    case LossType::vespo:
      return {-phi * advantage * logprob, 0, -phi * advantage};
    case LossType::sapo: {
      const double tau = advantage > 0 ? options.sapo_temperature_pos : options.sapo_temperature_neg;
      const double gate = 1 / (1 + std::exp(-tau * (ratio - 1)));
      const double slope = gate * (1 - gate);
      return {-4 / tau * gate * advantage, slope == 0 ? 0 : -4 * slope * ratio * advantage, 0};
    }
    default:
      break;
  }
  const double low = 1 - options.epsilon;
  const double high = 1 + options.epsilon_high;
  const double capped = std::isnan(options.delta) ? ratio : std::min(ratio, options.delta);
  const double clipped = std::min(std::max(ratio, low), high);
  const bool cap_passes = !(ratio > options.delta);
  const bool clip_passes = ratio >= low && ratio <= high;
  const double first = capped * advantage;
  const double second = clipped * advantage;
  if (std::isnan(ratio)) return {kNaN, kNaN, 0};
  if (first < second) return {-first, cap_passes ? -ratio * advantage : 0, 0};
  if (second < first) return {-second, clip_passes ? -ratio * advantage : 0, 0};
  // Equal and A != 0: the two branches are the same function here, or both are constant.
  return {-first, cap_passes && clip_passes ? -ratio * advantage : 0, 0};
}

}  // namespace

void policy_loss(const PolicyLossInputs& inputs, const PolicyLossOptions& options,
                 const PolicyLossOutputs& outputs) {
  const int64_t batch = inputs.logprob.rows;
  const int64_t length = inputs.logprob.cols;
  const bool clips_ratio = options.loss_type != LossType::cispo && options.loss_type != LossType::sapo &&
                           options.loss_type != LossType::vespo;
  const bool vespo = options.loss_type == LossType::vespo;
  const bool sequence_level = options.importance_level == ImportanceLevel::sequence;
  const bool sequence_advantage = inputs.advantages.cols == 1;

  const auto masked = [&](int64_t i, int64_t t) { return inputs.mask(i, t) != 0; };
  const auto advantage = [&](int64_t i, int64_t t) { return broadcast(inputs.advantages, i, t); };

  // Counts and log-ratios.
  std::vector<double> tokens(static_cast<size_t>(batch), 0.0);
  double all_tokens = 0;
  Table difference(batch, length);
  for (int64_t i = 0; i < batch; ++i) {
    for (int64_t t = 0; t < length; ++t) {
      if (!masked(i, t)) continue;
      tokens[static_cast<size_t>(i)] += 1;
      all_tokens += 1;
      if (inputs.old_logprob) {
        difference(i, t) = static_cast<double>(inputs.logprob(i, t)) - inputs.old_logprob(i, t);
      }
    }
  }
  const auto n = [&](int64_t i) { return std::max(tokens[static_cast<size_t>(i)], 1.0); };

  Table log_ratio = difference;
  if (sequence_level) {
    for (int64_t i = 0; i < batch; ++i) {
      double sum = 0;
      for (int64_t t = 0; t < length; ++t) sum += difference(i, t);
      for (int64_t t = 0; t < length; ++t) log_ratio(i, t) = sum / n(i);
    }
  }

  // vespo's phi.
  std::vector<double> phi(static_cast<size_t>(batch), 0.0);
  for (int64_t i = 0; vespo && i < batch; ++i) {
    double s = 0;
    for (int64_t t = 0; t < length; ++t) {
      if (masked(i, t)) s += std::min(std::max(difference(i, t), -20.0), 20.0);
    }
    if (inputs.importance_ratio && inputs.importance_ratio.cols == 1) {
      s += std::log(std::max(static_cast<double>(inputs.importance_ratio(i, 0)), 1e-8));
    } else if (inputs.importance_ratio) {
      for (int64_t t = 0; t < length; ++t) {
        if (masked(i, t)) s += std::log(std::max(static_cast<double>(inputs.importance_ratio(i, t)), 1e-8));
      }
    }
    s = std::min(std::max(s, std::log(1e-8)), 20.0);
    const bool positive = advantage(i, 0) >= 0;
    const double k = positive ? options.vespo_k_pos : options.vespo_k_neg;
    const double lambda = positive ? options.vespo_lambda_pos : options.vespo_lambda_neg;
    phi[static_cast<size_t>(i)] = std::exp(lambda + k * s - lambda * std::exp(s));
  }

  // Off-policy mask.
  std::vector<bool> kept(static_cast<size_t>(batch), true);
  const Matrix<const float> sampler = inputs.sampler_logprob ? inputs.sampler_logprob : inputs.old_logprob;
  for (int64_t i = 0; !std::isnan(options.off_policy_threshold) && i < batch; ++i) {
    double sum = 0;
    for (int64_t t = 0; sampler && t < length; ++t) {
      if (!masked(i, t) || std::isnan(sampler(i, t))) continue;
      sum += static_cast<double>(sampler(i, t)) - inputs.logprob(i, t);
    }
    kept[static_cast<size_t>(i)] = advantage(i, 0) >= 0 || !(sum / n(i) > options.off_policy_threshold);
  }

  // Entropy mask.
  Table high_entropy(batch, length, 1);
  if (options.top_entropy_quantile < 1 && all_tokens > 0) {
    std::vector<double> entropies;
    bool any_nan = false;
    for (int64_t i = 0; i < batch; ++i) {
      for (int64_t t = 0; t < length; ++t) {
        if (!masked(i, t)) continue;
        entropies.push_back(inputs.entropy(i, t));
        any_nan |= std::isnan(inputs.entropy(i, t));
      }
    }
    if (!any_nan) {
      const double threshold = quantile(entropies, 1 - options.top_entropy_quantile);
      for (int64_t i = 0; i < batch; ++i) {
        for (int64_t t = 0; t < length; ++t) {
          if (masked(i, t)) high_entropy(i, t) = inputs.entropy(i, t) >= threshold ? 1 : 0;
        }
      }
    }
  }

  // The loss, its derivative by log r (log_ratio_gradient) and by the explicit logprob (gradient).
  const double accumulation = options.training ? options.accumulation_steps : 1;
  const auto token_factor = [&](int64_t i) {
    const double sequences =
        options.batch_sequences > 0 ? options.batch_sequences : static_cast<double>(batch);
    switch (options.loss_type) {
      case LossType::grpo:
      case LossType::sapo:
        return 1 / (n(i) * sequences * accumulation);
      case LossType::luspo:
        return 1 / (sequences * accumulation);
      case LossType::bnpo:
        return 1 /
               (std::max(options.batch_tokens > 0 ? options.batch_tokens : all_tokens, 1.0) * accumulation);
      case LossType::dr_grpo:
        return 1 / (sequences * options.max_completion_length * accumulation);
      default:
        break;
    }
    const double items = std::max(options.num_items_in_batch, 1.0) / options.num_processes;
    return 1 / (options.training ? items * accumulation / options.steps_per_generation : items);
  };
  PolicyLossCounters counters{};
  counters.ratio_min = counters.ratio_max = counters.clip_low_min = counters.clip_high_max = kNaN;
  Table gradient(batch, length);
  Table log_ratio_gradient(batch, length);
  double loss = 0;
  for (int64_t i = 0; i < batch; ++i) {
    for (int64_t t = 0; t < length; ++t) {
      if (!masked(i, t)) continue;
      const double ratio = std::exp(log_ratio(i, t));
      const double logprob = inputs.logprob(i, t);
      double weight = (kept[static_cast<size_t>(i)] ? 1 : 0) * high_entropy(i, t);
      if (inputs.importance_ratio && !vespo) weight *= broadcast(inputs.importance_ratio, i, t);
      Term term{0, 0, 0};
      if (weight != 0 && advantage(i, t) != 0) {
        term = policy_term(advantage(i, t), ratio, logprob, phi[static_cast<size_t>(i)], options);
      }
      double value = weight == 0 ? 0 : weight * term.value;
      double by_logprob = weight == 0 ? 0 : weight * term.by_logprob;
      double by_log_ratio = weight == 0 ? 0 : weight * term.by_log_ratio;
      if (options.beta != 0) {
        const double x = inputs.ref_logprob(i, t) - logprob;
        const double k3 = std::exp(x) - x - 1;
        const double correction = options.bias_correction_kl ? ratio : 1;
        value += options.beta * k3 * correction;
        by_logprob += options.beta * (1 - std::exp(x)) * correction;
        if (options.bias_correction_kl) by_log_ratio += options.beta * k3 * ratio;
        counters.kl_sum += k3 * correction;
      }
      loss += value * token_factor(i);
      gradient(i, t) = by_logprob * token_factor(i);
      log_ratio_gradient(i, t) = by_log_ratio * token_factor(i);
    }
  }
  counters.policy_loss = loss;

  // d log r / d logprob: 1 for its own token, or m / n for every token of the sequence.
  for (int64_t i = 0; i < batch; ++i) {
    double through_mean = 0;
    for (int64_t t = 0; t < length; ++t) through_mean += log_ratio_gradient(i, t);
    for (int64_t t = 0; t < length; ++t) {
      if (!masked(i, t)) continue;
      gradient(i, t) += sequence_level ? through_mean / n(i) : log_ratio_gradient(i, t);
    }
  }

  // Entropy bonus.
  double bonus_tokens = 0;
  double bonus_entropy = 0;
  for (int64_t i = 0; i < batch; ++i) {
    for (int64_t t = 0; t < length; ++t) {
      if (!masked(i, t)) continue;
      counters.entropy_sum += inputs.entropy ? inputs.entropy(i, t) : kNaN;
      if (high_entropy(i, t) == 0) continue;
      bonus_tokens += 1;
      bonus_entropy += inputs.entropy ? inputs.entropy(i, t) : kNaN;
    }
  }
  if (!inputs.entropy) counters.entropy_sum = kNaN;
  const bool is_part = options.batch_tokens > 0 && options.top_entropy_quantile == 1;
  const double bonus_normalizer = is_part ? options.batch_tokens : std::max(bonus_tokens, 1.0);
  const double bonus_factor = options.entropy_coefficient / (bonus_normalizer * accumulation);
  if (options.entropy_coefficient != 0) loss -= bonus_factor * bonus_entropy;

  *outputs.loss = loss;
  for (int64_t i = 0; i < batch; ++i) {
    for (int64_t t = 0; t < length; ++t) {
      outputs.dlogprob(i, t) = static_cast<float>(gradient(i, t));
      if (outputs.dentropy) {
        const bool counts = masked(i, t) && high_entropy(i, t) != 0 && options.entropy_coefficient != 0;
        outputs.dentropy(i, t) = counts ? static_cast<float>(-bonus_factor) : 0.0f;
      }
    }
  }
  if (outputs.counters == nullptr) return;

  // Metrics: one ratio a token, or one a sequence.
  counters.sequences = static_cast<double>(batch);
  counters.tokens = all_tokens;
  counters.entropy_kept = bonus_tokens;
  for (int64_t i = 0; i < batch; ++i) {
    counters.vespo_phi_sum += phi[static_cast<size_t>(i)];
    counters.off_policy_kept += kept[static_cast<size_t>(i)] ? 1 : 0;
    double ratios = 0;
    double low = 0;
    double high = 0;
    const bool one_ratio = sequence_level && sequence_advantage;
    for (int64_t t = 0; t < (one_ratio ? 1 : length); ++t) {
      if (!one_ratio && !masked(i, t)) continue;
      const double ratio = std::exp(log_ratio(i, t));
      const double capped = std::isnan(options.delta) ? ratio : std::min(ratio, options.delta);
      ratios += 1;
      counters.ratio_sum += ratio;
      counters.ratio_min = nan_min(counters.ratio_min, ratio);
      counters.ratio_max = nan_max(counters.ratio_max, ratio);
      if (clips_ratio) {
        low += capped < 1 - options.epsilon && advantage(i, t) < 0;
        high += capped > 1 + options.epsilon_high && advantage(i, t) > 0;
      } else if (options.loss_type == LossType::cispo) {
        high += ratio > options.epsilon_high && advantage(i, t) > 0;
      }
    }
    counters.ratios += ratios;
    counters.clip_low_sum += low;
    counters.clip_high_sum += high;
    if (ratios > 0) {
      counters.clip_low_min = nan_min(counters.clip_low_min, low / ratios);
      counters.clip_high_max = nan_max(counters.clip_high_max, high / ratios);
    }
  }
  *outputs.counters = counters;
}

}  // namespace rlkd::kernels::reference
