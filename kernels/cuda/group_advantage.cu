/*
 * group_advantage on a device, in fp64.
 *
 *   r_i = sum_f w_f R_if      A_i = (r_i - mean) / (std + 1e-4)      mean and std of the group or of the batch
 *   normalize_then_sum: x_i = sum_f w_f (R_if - mean_gf) / (std_gf + 1e-4), A_i = (x_i - mean x) / (std x + 1e-4)
 *
 * A warp takes a group and holds one row a lane. Moments are taken in three passes over the values: the first
 * one, mean = first + mean(differences from the first), then the squares around the mean. Equal rewards then
 * give exactly 0, and a large common offset cancels before anything is squared. Values are formed again in
 * each pass: a weighted sum of a few cached floats costs less than storing it in fp64 would.
 *
 * Statistics of the whole batch are needed before the first row can be finished. Then the grid is one block,
 * which takes the moments over all rows with block reductions: no workspace and no second launch for a few
 * thousand rows.
 *
 * Traffic: reads rows * functions * 4 bytes (the later passes hit the cache), writes 4 to 12 bytes a row; about
 * 10 (functions + 1) flops a row. Bound by latency at every realistic size.
 */
#include "device/launch.cuh"
#include "device/reduce.cuh"
#include "rlkd/kernels/group_advantage.h"

namespace rlkd::kernels::cuda {

namespace {

constexpr int kThreads = 512;
constexpr int kWarps = kThreads / kWarp;
constexpr double kEpsilon = 1e-4;
constexpr int64_t kNoRow = INT64_MAX;

struct Moments {
  double count;
  double mean; /**< NaN of nothing */
  double std;  /**< NaN below two values */

  /** (value - mean) / (std + 1e-4), 0 for a single value. */
  __device__ double standardise(double value) const {
    return count < 2 ? 0 : (value - mean) / (std + kEpsilon);
  }
};

/** A value and the row that it stands in. */
struct Located {
  int64_t row;
  double value;
};

struct Earlier {
  __device__ Located operator()(Located a, Located b) const { return a.row < b.row ? a : b; }
};

struct CountedSum {
  double sum;
  double count;
};

struct SumBoth {
  __device__ CountedSum operator()(CountedSum a, CountedSum b) const {
    return {a.sum + b.sum, a.count + b.count};
  }
};

/** Moments of what each_value(visit) passes to visit(row, value) in all threads of a team, NaNs left out. */
template <class EachValue, class Team>
__device__ Moments moments(EachValue each_value, Team team) {
  Located first{kNoRow, static_cast<double>(NAN)};
  each_value([&](int64_t row, double value) {
    if (!isnan(value) && row < first.row) first = {row, value};
  });
  first = team.reduce(first, Earlier{});
  if (first.row == kNoRow) return {0, static_cast<double>(NAN), static_cast<double>(NAN)};

  CountedSum shifted{0, 0};
  each_value([&](int64_t, double value) {
    if (!isnan(value)) shifted = {shifted.sum + (value - first.value), shifted.count + 1};
  });
  shifted = team.reduce(shifted, SumBoth{});
  const double mean = first.value + shifted.sum / shifted.count;

  double squares = 0;
  each_value([&](int64_t, double value) {
    if (!isnan(value)) squares += (value - mean) * (value - mean);
  });
  squares = team.reduce(squares, Sum{});
  return {shifted.count, mean,
          shifted.count > 1 ? sqrt(squares / (shifted.count - 1)) : static_cast<double>(NAN)};
}

struct WarpTeam {
  template <class T, class Operation>
  __device__ T reduce(T value, Operation op) const {
    return warp_reduce(value, op);
  }
};

struct BlockTeam {
  Located* scratch;  // kWarps

  template <class T, class Operation>
  __device__ T reduce(T value, Operation op) const {
    static_assert(sizeof(T) <= sizeof(Located), "scratch is too small");
    return block_reduce<kThreads>(value, op, reinterpret_cast<T*>(scratch));
  }
};

/** The rewards and what a row's reward is. */
struct Scores {
  Matrix<const float> rewards;
  const float* weights;
  GroupAdvantageOptions options;

  __device__ bool scorable(int64_t row) const {
    int64_t missing = 0;
    bool weighted_missing = false;
    for (int64_t f = 0; f < rewards.cols; ++f) {
      if (!isnan(rewards(row, f))) continue;
      ++missing;
      weighted_missing |= weights[f] != 0;
    }
    return options.unscorable == Unscorable::trl ? missing < rewards.cols : !weighted_missing;
  }

  /** NaN for a row that takes no part. */
  __device__ double weighted_sum(int64_t row) const {
    if (!scorable(row)) return static_cast<double>(NAN);
    double sum = 0;
    for (int64_t f = 0; f < rewards.cols; ++f) {
      if (!isnan(rewards(row, f))) sum += static_cast<double>(weights[f]) * rewards(row, f);
    }
    return sum;
  }

  /** Calls visit(row) for the lane's rows of a group. */
  template <class Visit>
  __device__ void each_row(int64_t group, Visit visit) const {
    const int64_t begin = group * options.group_size;
    for (int64_t i = threadIdx.x % kWarp; i < options.group_size; i += kWarp) visit(begin + i);
  }

  __device__ Moments group_moments(int64_t group) const {
    return moments([&](auto visit) { each_row(group, [&](int64_t row) { visit(row, weighted_sum(row)); }); },
                   WarpTeam{});
  }

  __device__ Moments column_moments(int64_t group, int64_t f) const {
    return moments(
        [&](auto visit) {
          each_row(group, [&](int64_t row) {
            if (scorable(row)) visit(row, static_cast<double>(rewards(row, f)));
          });
        },
        WarpTeam{});
  }

  /** Calls visit(row, x) for the rows of a group; x is the normalised sum, NaN for a row that takes no part. All
   * lanes of the warp call it. */
  template <class Visit>
  __device__ void each_normalised_sum(int64_t group, Visit visit) const {
    const int64_t begin = group * options.group_size;
    const int64_t end = begin + options.group_size;
    for (int64_t chunk = begin; chunk < end; chunk += kWarp) {
      const int64_t row = chunk + threadIdx.x % kWarp;
      const bool takes_part = row < end && scorable(row);
      double sum = 0;
      for (int64_t f = 0; f < rewards.cols; ++f) {
        const Moments column = column_moments(group, f);
        if (!takes_part || isnan(rewards(row, f))) continue;
        sum += weights[f] * column.standardise(rewards(row, f));
      }
      if (row < end) visit(row, takes_part ? sum : static_cast<double>(NAN));
    }
  }
};

struct Outputs {
  float* advantages;
  float* reward;      // may be null
  float* reward_std;  // may be null

  __device__ void write(int64_t row, double advantage, double sum, double std) const {
    advantages[row] = isnan(sum) ? 0.0f : static_cast<float>(advantage);
    if (reward != nullptr) reward[row] = static_cast<float>(sum);
    if (reward_std != nullptr) reward_std[row] = static_cast<float>(std);
  }
};

/** Calls visit(group) for each of the warp's groups. */
template <class Visit>
__device__ void each_group(int64_t groups, Visit visit) {
  const int64_t warps = int64_t{gridDim.x} * kWarps;
  for (int64_t group = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp; group < groups; group += warps) {
    visit(group);
  }
}

/** ScaleRewards::group and none: groups do not know of each other. */
__global__ void __launch_bounds__(kThreads, 1) group_kernel(Scores scores, int64_t groups, Outputs outputs) {
  each_group(groups, [&](int64_t group) {
    const Moments own = scores.group_moments(group);
    const double std = scores.options.group_size == 1 ? 0 : own.std;
    scores.each_row(group, [&](int64_t row) {
      const double sum = scores.weighted_sum(row);
      const bool scaled = scores.options.scale_rewards == ScaleRewards::group;
      outputs.write(row, scaled ? own.standardise(sum) : sum - own.mean, sum, std);
    });
  });
}

/** ScaleRewards::batch; one block. */
__global__ void __launch_bounds__(kThreads, 1) batch_kernel(Scores scores, int64_t groups, Outputs outputs) {
  __shared__ Located scratch[kWarps];
  const Moments batch = moments(
      [&](auto visit) {
        for (int64_t row = threadIdx.x; row < scores.rewards.rows; row += kThreads) {
          visit(row, scores.weighted_sum(row));
        }
      },
      BlockTeam{scratch});
  each_group(groups, [&](int64_t group) {
    const Moments own = scores.group_moments(group);
    scores.each_row(group, [&](int64_t row) {
      const double sum = scores.weighted_sum(row);
      const double advantage = batch.count < 2 ? 0 : (sum - own.mean) / (batch.std + kEpsilon);
      outputs.write(row, advantage, sum, batch.std);
    });
  });
}

/** MultiObjective::normalize_then_sum; one block. */
__global__ void __launch_bounds__(kThreads, 1)
    normalize_then_sum_kernel(Scores scores, int64_t groups, Outputs outputs) {
  __shared__ Located scratch[kWarps];
  const Moments batch = moments(
      [&](auto visit) {
        each_group(groups, [&](int64_t group) { scores.each_normalised_sum(group, visit); });
      },
      BlockTeam{scratch});
  each_group(groups, [&](int64_t group) {
    scores.each_normalised_sum(group, [&](int64_t row, double x) {
      outputs.write(row, batch.standardise(x), scores.weighted_sum(row), batch.std);
    });
  });
}

}  // namespace

DeviceStatus group_advantage(Matrix<const float> rewards, Vector<const float> weights,
                             const GroupAdvantageOptions& options, Vector<float> advantages,
                             Vector<float> reward, Vector<float> reward_std, Stream stream) {
  if (rewards.rows == 0) return {};
  const Scores scores{rewards, weights.data, options};
  const Outputs outputs{advantages.data, reward.data, reward_std.data};
  const int64_t groups = rewards.rows / options.group_size;
  if (options.multi_objective == MultiObjective::normalize_then_sum) {
    return launch("group_advantage_normalize_then_sum", normalize_then_sum_kernel, {1, kThreads}, stream,
                  scores, groups, outputs);
  }
  if (options.scale_rewards == ScaleRewards::batch) {
    return launch("group_advantage_batch", batch_kernel, {1, kThreads}, stream, scores, groups, outputs);
  }
  const auto blocks = static_cast<unsigned>((groups + kWarps - 1) / kWarps);
  return launch("group_advantage", group_kernel, {blocks, kThreads}, stream, scores, groups, outputs);
}

}  // namespace rlkd::kernels::cuda
