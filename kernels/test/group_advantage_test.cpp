#include "rlkd/kernels/group_advantage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "support/compare.h"
#include "support/guarded.h"
#include "support/random.h"

namespace rlkd::kernels {
namespace {

using test::all_close_or_both_nan;
using test::close;
using test::Guarded;
using test::GuardedMatrix;
using test::Random;
using test::Tolerance;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
// Both compute in fp64 and round once to fp32.
constexpr Tolerance kTolerance{1e-7, 1e-6};

using Kernel = decltype(&cpu::group_advantage);

/** Outputs of one call. */
struct Result {
  std::vector<float> advantages;
  std::vector<float> reward;
  std::vector<float> reward_std;
};

/** `rows` rows of rewards; a call on guarded, unaligned and strided memory. */
Result run(Kernel kernel, const std::vector<std::vector<float>>& rows, const std::vector<float>& weights,
           const GroupAdvantageOptions& options) {
  const auto count = static_cast<int64_t>(rows.size());
  GuardedMatrix<float> rewards(count, static_cast<int64_t>(weights.size()), 2);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t f = 0; f < weights.size(); ++f) {
      rewards(static_cast<int64_t>(i), static_cast<int64_t>(f)) = rows[i][f];
    }
  }
  Guarded<float> weight(weights);
  const float unwritten = -12345;
  Guarded<float> advantages(count, unwritten, 1);
  Guarded<float> reward(count, unwritten, 1);
  Guarded<float> reward_std(count, unwritten, 1);
  const auto& inputs = rewards;
  const auto& factors = weight;
  kernel(inputs.view(), factors.view(), options, advantages.view(), reward.view(), reward_std.view());
  Result result{advantages.values(), reward.values(), reward_std.values()};
  for (const auto& values : {result.advantages, result.reward, result.reward_std}) {
    for (float value : values) EXPECT_NE(value, unwritten);
  }
  return result;
}

GroupAdvantageOptions options_of(int64_t group_size, ScaleRewards scale = ScaleRewards::group,
                                 Unscorable unscorable = Unscorable::drop_row,
                                 MultiObjective objective = MultiObjective::sum_then_normalize) {
  return {group_size, scale, objective, unscorable};
}

struct Shape {
  const char* name;
  int64_t groups;
  int64_t group_size;
  int64_t functions;
  double missing; /**< share of NaN */
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }

class GroupAdvantageShapes : public ::testing::TestWithParam<Shape> {};

TEST_P(GroupAdvantageShapes, agrees_with_the_reference_for_every_option) {
  const Shape& shape = GetParam();
  Random random(7);
  std::vector<float> weights;
  for (int64_t f = 0; f < shape.functions; ++f) {
    weights.push_back(f == 1 ? 0.0f : static_cast<float>(random.normal(3)));
  }
  std::vector<std::vector<float>> rows;
  for (int64_t i = 0; i < shape.groups * shape.group_size; ++i) {
    rows.emplace_back();
    for (int64_t f = 0; f < shape.functions; ++f) {
      const bool missing = random.uniform() < shape.missing;
      rows.back().push_back(missing ? kNaN : static_cast<float>(random.normal()));
    }
  }
  for (auto scale : {ScaleRewards::group, ScaleRewards::batch, ScaleRewards::none}) {
    for (auto objective : {MultiObjective::sum_then_normalize, MultiObjective::normalize_then_sum}) {
      for (auto unscorable : {Unscorable::drop_row, Unscorable::trl}) {
        const auto options = options_of(shape.group_size, scale, unscorable, objective);
        const Result expected = run(reference::group_advantage, rows, weights, options);
        const Result actual = run(cpu::group_advantage, rows, weights, options);
        const auto count = static_cast<int64_t>(rows.size());
        EXPECT_TRUE(test::all_close(actual.advantages, expected.advantages, count, kTolerance));
        EXPECT_TRUE(all_close_or_both_nan(actual.reward, expected.reward, count, kTolerance));
        EXPECT_TRUE(all_close_or_both_nan(actual.reward_std, expected.reward_std, count, kTolerance));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, GroupAdvantageShapes,
                         ::testing::Values(Shape{"one_row", 1, 1, 1, 0}, Shape{"groups_of_one", 5, 1, 2, 0},
                                           Shape{"one_group", 1, 7, 3, 0}, Shape{"odd", 3, 5, 2, 0.2},
                                           Shape{"many_missing", 9, 4, 3, 0.6},
                                           Shape{"all_missing", 2, 3, 2, 1},
                                           Shape{"parallel", 1024, 8, 4, 0.1}),
                         [](const auto& test) { return std::string(test.param.name); });

class GroupAdvantage : public ::testing::TestWithParam<Kernel> {};
INSTANTIATE_TEST_SUITE_P(Backends, GroupAdvantage,
                         ::testing::Values(&cpu::group_advantage, &reference::group_advantage),
                         [](const auto& test) { return test.index == 0 ? "cpu" : "reference"; });

TEST_P(GroupAdvantage, divides_by_the_sample_std_of_the_group_plus_1e_4) {
  const Result result = run(GetParam(), {{1}, {0}, {1}, {0}}, {1}, options_of(4));
  const double std = std::sqrt(1.0 / 3);
  EXPECT_TRUE(close(result.advantages[0], 0.5 / (std + 1e-4), kTolerance));
  EXPECT_TRUE(close(result.advantages[1], -0.5 / (std + 1e-4), kTolerance));
  EXPECT_TRUE(close(result.reward_std[3], std, kTolerance));
}

TEST_P(GroupAdvantage, keeps_the_group_mean_and_takes_the_std_of_the_batch_when_asked) {
  const Result result = run(GetParam(), {{1}, {0}, {4}, {4}}, {1}, options_of(2, ScaleRewards::batch));
  const double std = std::sqrt((1.25 * 1.25 + 2.25 * 2.25 + 2 * 1.75 * 1.75) / 3);
  EXPECT_TRUE(close(result.advantages[0], 0.5 / (std + 1e-4), kTolerance));
  EXPECT_EQ(result.advantages[2], 0);
  for (float value : result.reward_std) EXPECT_TRUE(close(value, std, kTolerance));
}

TEST_P(GroupAdvantage, gives_exactly_zero_for_a_group_of_equal_rewards) {
  for (auto scale : {ScaleRewards::group, ScaleRewards::batch, ScaleRewards::none}) {
    // 0.1 and 0.7 have no exact binary form; neither has the sum of three of them.
    const Result result = run(GetParam(), {{0.1f, 0.7f}, {0.1f, 0.7f}, {0.1f, 0.7f}, {9, 1}, {2, 1}, {2, 5}},
                              {15, 10}, options_of(3, scale));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(result.advantages[static_cast<size_t>(i)], 0);
    EXPECT_NE(result.advantages[3], 0);
  }
}

TEST_P(GroupAdvantage, drop_row_leaves_a_row_with_any_weighted_nan_out_of_its_group) {
  const std::vector<std::vector<float>> rows = {{1, kNaN}, {0, 1}, {1, 1}, {2, 1}};
  const Result result = run(GetParam(), rows, {1, 1}, options_of(4, ScaleRewards::none));
  EXPECT_EQ(result.advantages, (std::vector<float>{0, -1, 0, 1}));
  EXPECT_TRUE(std::isnan(result.reward[0]));
  EXPECT_EQ(result.reward[1], 1);
  // A NaN of weight 0 does not matter.
  const Result unweighted = run(GetParam(), rows, {1, 0}, options_of(4, ScaleRewards::none));
  EXPECT_EQ(unweighted.advantages, (std::vector<float>{0, -1, 0, 1}));
  EXPECT_EQ(unweighted.reward[0], 1);
}

TEST_P(GroupAdvantage, trl_counts_a_single_nan_as_zero_and_leaves_out_a_row_of_nans) {
  const Result result = run(GetParam(), {{1, kNaN}, {kNaN, kNaN}, {0, 1}, {4, 0}}, {1, 1},
                            options_of(4, ScaleRewards::none, Unscorable::trl));
  EXPECT_EQ(result.advantages, (std::vector<float>{-1, 0, -1, 2}));
  EXPECT_TRUE(std::isnan(result.reward[1]));
}

TEST_P(GroupAdvantage, gives_zero_and_an_undefined_std_to_the_only_scorable_member) {
  for (auto scale : {ScaleRewards::group, ScaleRewards::batch, ScaleRewards::none}) {
    const Result result = run(GetParam(), {{5}, {kNaN}}, {1}, options_of(2, scale));
    EXPECT_EQ(result.advantages, (std::vector<float>{0, 0}));
    EXPECT_TRUE(std::isnan(result.reward_std[0]));
    EXPECT_EQ(result.reward[0], 5);
  }
}

TEST_P(GroupAdvantage, has_std_zero_for_groups_of_one) {
  const Result result = run(GetParam(), {{5}, {1}}, {1}, options_of(1));
  EXPECT_EQ(result.advantages, (std::vector<float>{0, 0}));
  EXPECT_EQ(result.reward_std, (std::vector<float>{0, 0}));
}

TEST_P(GroupAdvantage, normalize_then_sum_makes_functions_of_different_scale_count_alike) {
  const auto options =
      options_of(4, ScaleRewards::group, Unscorable::drop_row, MultiObjective::normalize_then_sum);
  const std::vector<std::vector<float>> rows = {{1, 3}, {0, 1}, {1, 2}, {0, 7},
                                                {3, 0}, {1, 0}, {4, 1}, {1, 5}};
  std::vector<std::vector<float>> scaled = rows;
  for (auto& row : scaled) row[1] *= 1e4f;
  const Result small = run(GetParam(), rows, {1, 1}, options);
  const Result large = run(GetParam(), scaled, {1, 1}, options);
  // Only the 1e-4 beside the std tells them apart.
  EXPECT_TRUE(test::all_close(large.advantages, small.advantages, 8, Tolerance{2e-4, 2e-4}));
}

TEST_P(GroupAdvantage, does_not_change_when_a_constant_is_added_to_a_group) {
  std::vector<std::vector<float>> rows = {{1}, {0.25f}, {3}, {0.5f}, {2}, {1}};
  const Result before = run(GetParam(), rows, {2}, options_of(3));
  for (size_t i = 0; i < 3; ++i) rows[i][0] += 64;
  const Result after = run(GetParam(), rows, {2}, options_of(3));
  EXPECT_TRUE(test::all_close(after.advantages, before.advantages, 6, kTolerance));
}

TEST_P(GroupAdvantage, works_without_the_optional_outputs) {
  const std::vector<float> rewards = {1, 0};
  const std::vector<float> weights = {1};
  Guarded<float> advantages(2);
  GetParam()({rewards.data(), 2, 1, 1}, {weights.data(), 1}, options_of(2, ScaleRewards::none),
             advantages.view(), {}, {});
  EXPECT_EQ(advantages.values(), (std::vector<float>{0.5f, -0.5f}));
}

}  // namespace
}  // namespace rlkd::kernels
