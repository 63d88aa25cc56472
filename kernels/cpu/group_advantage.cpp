#include "rlkd/kernels/group_advantage.h"

#include <cmath>
#include <limits>

namespace rlkd::kernels::cpu {

namespace {

constexpr double kEpsilon = 1e-4;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Below this many rewards a parallel region costs more than the work.
constexpr int64_t kParallelRewards = 1 << 14;

struct Moments {
  int64_t count = 0;
  double mean = kNaN;
  double std = kNaN; /**< NaN below two values */

  /** (value - mean) / (std + 1e-4), 0 for a single value. */
  double standardise(double value) const { return count < 2 ? 0 : (value - mean) / (std + kEpsilon); }
};

/** Moments of value(i) for i in [begin, end), NaNs left out. Two passes around the first value. */
template <class Value>
Moments moments(int64_t begin, int64_t end, Value value) {
  while (begin < end && std::isnan(value(begin))) ++begin;
  if (begin == end) return {};
  const double first = value(begin);
  Moments result;
  double shifted_sum = 0;
  for (int64_t i = begin; i < end; ++i) {
    const double x = value(i);
    if (std::isnan(x)) continue;
    shifted_sum += x - first;
    ++result.count;
  }
  const auto count = static_cast<double>(result.count);
  result.mean = first + shifted_sum / count;
  double squares = 0;
  for (int64_t i = begin; i < end; ++i) {
    const double x = value(i);
    if (!std::isnan(x)) squares += (x - result.mean) * (x - result.mean);
  }
  if (result.count > 1) result.std = std::sqrt(squares / (count - 1));
  return result;
}

}  // namespace

void group_advantage(Matrix<const float> rewards, Vector<const float> weights,
                     const GroupAdvantageOptions& options, Vector<float> advantages, Vector<float> reward,
                     Vector<float> reward_std) {
  const int64_t rows = rewards.rows;
  const int64_t functions = rewards.cols;
  const int64_t group_size = options.group_size;

  // Nothing is stored between the passes: a row's sum is cheaper to form again than to keep in fp64.
  const auto scorable = [&](int64_t i) {
    int64_t missing = 0;
    bool weighted_missing = false;
    for (int64_t f = 0; f < functions; ++f) {
      if (std::isnan(rewards(i, f))) {
        ++missing;
        weighted_missing |= weights[f] != 0;
      }
    }
    return options.unscorable == Unscorable::trl ? missing < functions : !weighted_missing;
  };
  const auto weighted_sum = [&](int64_t i) {
    if (!scorable(i)) return kNaN;
    double sum = 0;
    for (int64_t f = 0; f < functions; ++f) {
      if (!std::isnan(rewards(i, f))) sum += static_cast<double>(weights[f]) * rewards(i, f);
    }
    return sum;
  };
  const auto normalised_sum = [&](int64_t i) {
    if (!scorable(i)) return kNaN;
    const int64_t begin = i / group_size * group_size;
    double sum = 0;
    for (int64_t f = 0; f < functions; ++f) {
      if (std::isnan(rewards(i, f))) continue;
      const auto column = [&](int64_t j) { return scorable(j) ? rewards(j, f) : kNaN; };
      sum += weights[f] * moments(begin, begin + group_size, column).standardise(rewards(i, f));
    }
    return sum;
  };

  const bool normalize_first = options.multi_objective == MultiObjective::normalize_then_sum;
  const bool by_batch = !normalize_first && options.scale_rewards == ScaleRewards::batch;
  const Moments batch = normalize_first ? moments(0, rows, normalised_sum)
                        : by_batch      ? moments(0, rows, weighted_sum)
                                        : Moments{};

#pragma omp parallel for schedule(static) if (rows * functions >= kParallelRewards)
  for (int64_t begin = 0; begin < rows; begin += group_size) {
    const Moments group = moments(begin, begin + group_size, weighted_sum);
    const double group_std = group_size == 1 ? 0 : group.std;
    for (int64_t i = begin; i < begin + group_size; ++i) {
      const double sum = weighted_sum(i);
      double advantage = 0;
      if (normalize_first) {
        advantage = batch.standardise(normalised_sum(i));
      } else if (by_batch) {
        advantage = batch.count < 2 ? 0 : (sum - group.mean) / (batch.std + kEpsilon);
      } else if (options.scale_rewards == ScaleRewards::group) {
        advantage = group.standardise(sum);
      } else {
        advantage = sum - group.mean;
      }
      advantages[i] = std::isnan(sum) ? 0.0f : static_cast<float>(advantage);
      if (reward) reward[i] = static_cast<float>(sum);
      if (reward_std) reward_std[i] = static_cast<float>(normalize_first || by_batch ? batch.std : group_std);
    }
  }
}

}  // namespace rlkd::kernels::cpu
