/*
 * group_advantage: GRPO advantages of N completions in groups of group_size, from F reward functions.
 *
 *   reward              r_i = sum_f w_f R_if over the scorable rows
 *   group               A_i = (r_i - mean_g) / (std_g + 1e-4)     g: the scorable rows of i's group
 *   batch               A_i = (r_i - mean_g) / (std_all + 1e-4)   all: the scorable rows of the batch
 *   none                A_i = r_i - mean_g                        (Dr. GRPO)
 *   normalize_then_sum  x_i = sum_f w_f (R_if - mean_gf) / (std_gf + 1e-4)
 *                       A_i = (x_i - mean_all) / (std_all + 1e-4); scale_rewards does not enter
 *
 * std is the sample standard deviation (ddof 1); with fewer than two values the quotient is 0.
 * Source: TRL 1.16, GRPOTrainer (scale_rewards, multi_objective_aggregation).
 *
 * Numerics: sums in fp64; means are taken as first + mean(differences from the first), so that a group of
 * equal rewards gives exactly 0 whatever the value.
 */
#pragma once

#include "rlkd/kernels/device.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels {

enum class ScaleRewards { group, batch, none };
enum class MultiObjective { sum_then_normalize, normalize_then_sum };
/** Which rows take no part: those with a NaN in a function of weight != 0, or those with NaN in all functions
 * (then a single NaN counts 0). */
enum class Unscorable { drop_row, trl };

struct GroupAdvantageOptions {
  int64_t group_size = 1; /**< divides the number of rows */
  ScaleRewards scale_rewards = ScaleRewards::group;
  MultiObjective multi_objective = MultiObjective::sum_then_normalize;
  Unscorable unscorable = Unscorable::drop_row;
};

/**
 * Outputs have N entries; `reward` and `reward_std` are optional.
 *
 * @param rewards [N, F], finite, or NaN = unscorable
 * @param weights [F], finite
 * @param advantages 0 for a row that is left out and for the only scorable row of a group
 * @param reward the weighted sum, NaN for a row that is left out
 * @param reward_std the std that the row would be divided by: of its group, of the batch
 * (ScaleRewards::batch), or of the normalised sums (normalize_then_sum); NaN where it has fewer than two
 * values, 0 if group_size is 1
 */
namespace cpu {
void group_advantage(Matrix<const float> rewards, Vector<const float> weights,
                     const GroupAdvantageOptions& options, Vector<float> advantages, Vector<float> reward,
                     Vector<float> reward_std);
}
namespace cuda {
/** One launch, no workspace; the same bits in every run. Where statistics of the whole batch enter
 * (ScaleRewards::batch, normalize_then_sum) it runs in one block. */
DeviceStatus group_advantage(Matrix<const float> rewards, Vector<const float> weights,
                             const GroupAdvantageOptions& options, Vector<float> advantages,
                             Vector<float> reward, Vector<float> reward_std, Stream stream);
}  // namespace cuda
namespace reference {
void group_advantage(Matrix<const float> rewards, Vector<const float> weights,
                     const GroupAdvantageOptions& options, Vector<float> advantages, Vector<float> reward,
                     Vector<float> reward_std);
}

}  // namespace rlkd::kernels
