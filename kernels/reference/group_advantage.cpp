// Oracle: gathers the values that each mean and std is over and computes them as the definition says.
#include "rlkd/kernels/group_advantage.h"

#include <cmath>
#include <limits>
#include <vector>

namespace rlkd::kernels::reference {

namespace {

constexpr double kEpsilon = 1e-4;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double mean(const std::vector<double>& values) {
  long double sum = 0;
  for (double value : values) sum += value;
  return static_cast<double>(sum / static_cast<long double>(values.size()));
}

double sample_std(const std::vector<double>& values) {
  if (values.size() < 2) return kNaN;
  const double center = mean(values);
  long double squares = 0;
  for (double value : values) squares += (value - center) * (value - center);
  return static_cast<double>(std::sqrt(squares / static_cast<long double>(values.size() - 1)));
}

/** (value - mean) / (std + 1e-4) among `values`, 0 if they are fewer than two. */
double standardised(double value, const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  return (value - mean(values)) / (sample_std(values) + kEpsilon);
}

}  // namespace

void group_advantage(Matrix<const float> rewards, Vector<const float> weights,
                     const GroupAdvantageOptions& options, Vector<float> advantages, Vector<float> reward,
                     Vector<float> reward_std) {
  const int64_t rows = rewards.rows;
  const int64_t functions = rewards.cols;

  const auto scorable = [&](int64_t i) {
    bool any_missing = false;
    bool all_missing = true;
    for (int64_t f = 0; f < functions; ++f) {
      const bool missing = std::isnan(rewards(i, f));
      any_missing |= missing && weights[f] != 0;
      all_missing &= missing;
    }
    return options.unscorable == Unscorable::trl ? !all_missing : !any_missing;
  };
  const auto group_begin = [&](int64_t i) { return i / options.group_size * options.group_size; };
  // Entries of `column` in the rows [begin, begin + count) that are not NaN.
  const auto present = [](const std::vector<double>& column, int64_t begin, int64_t count) {
    std::vector<double> values;
    for (int64_t i = begin; i < begin + count; ++i) {
      if (!std::isnan(column[static_cast<size_t>(i)])) values.push_back(column[static_cast<size_t>(i)]);
    }
    return values;
  };

  const auto n = static_cast<size_t>(rows);
  std::vector<double> sum(n, kNaN);
  for (int64_t i = 0; i < rows; ++i) {
    if (!scorable(i)) continue;
    double total = 0;
    for (int64_t f = 0; f < functions; ++f) {
      if (!std::isnan(rewards(i, f))) total += static_cast<double>(weights[f]) * rewards(i, f);
    }
    sum[static_cast<size_t>(i)] = total;
  }

  const bool normalize_first = options.multi_objective == MultiObjective::normalize_then_sum;
  std::vector<double> normalised(n, kNaN);
  if (normalize_first) {
    for (int64_t i = 0; i < rows; ++i) {
      if (scorable(i)) normalised[static_cast<size_t>(i)] = 0;
    }
    for (int64_t f = 0; f < functions; ++f) {
      std::vector<double> column(n, kNaN);
      for (int64_t i = 0; i < rows; ++i) {
        if (scorable(i)) column[static_cast<size_t>(i)] = rewards(i, f);
      }
      for (int64_t i = 0; i < rows; ++i) {
        const auto k = static_cast<size_t>(i);
        if (std::isnan(column[k])) continue;
        normalised[k] += static_cast<double>(weights[f]) *
                         standardised(column[k], present(column, group_begin(i), options.group_size));
      }
    }
  }

  const std::vector<double> all = present(normalize_first ? normalised : sum, 0, rows);
  const double std_of_all = sample_std(all);
  const double mean_of_all = mean(all);
  for (int64_t i = 0; i < rows; ++i) {
    const auto k = static_cast<size_t>(i);
    const std::vector<double> group = present(sum, group_begin(i), options.group_size);
    const double centred = sum[k] - mean(group);
    double std = options.group_size == 1 ? 0 : sample_std(group);
    double advantage = 0;
    if (normalize_first) {
      std = std_of_all;
      advantage = all.size() < 2 ? 0 : (normalised[k] - mean_of_all) / (std + kEpsilon);
    } else if (options.scale_rewards == ScaleRewards::group) {
      advantage = standardised(sum[k], group);
    } else if (options.scale_rewards == ScaleRewards::batch) {
      std = std_of_all;
      advantage = all.size() < 2 ? 0 : centred / (std + kEpsilon);
    } else {
      advantage = centred;
    }
    advantages[i] = std::isnan(sum[k]) ? 0.0f : static_cast<float>(advantage);
    if (reward) reward[i] = static_cast<float>(sum[k]);
    if (reward_std) reward_std[i] = static_cast<float>(std);
  }
}

}  // namespace rlkd::kernels::reference
