#include "rlkd/kernels/group_advantage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "support/compare.h"
#include "support/device.h"
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

void device_group_advantage(Matrix<const float> rewards, Vector<const float> weights,
                            const GroupAdvantageOptions& options, Vector<float> advantages,
                            Vector<float> reward, Vector<float> reward_std) {
  EXPECT_TRUE(test::finished(
      cuda::group_advantage(rewards, weights, options, advantages, reward, reward_std, nullptr)));
}

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

void check_against_the_reference(Kernel kernel, const Shape& shape) {
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
        const Result actual = run(kernel, rows, weights, options);
        const auto count = static_cast<int64_t>(rows.size());
        EXPECT_TRUE(test::all_close(actual.advantages, expected.advantages, count, kTolerance));
        EXPECT_TRUE(all_close_or_both_nan(actual.reward, expected.reward, count, kTolerance));
        EXPECT_TRUE(all_close_or_both_nan(actual.reward_std, expected.reward_std, count, kTolerance));
      }
    }
  }
}

TEST_P(GroupAdvantageShapes, cpu_agrees_with_the_reference_for_every_option) {
  check_against_the_reference(cpu::group_advantage, GetParam());
}

TEST_P(GroupAdvantageShapes, device_agrees_with_the_reference_for_every_option) {
  RLKD_REQUIRE_DEVICE();
  check_against_the_reference(device_group_advantage, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Shapes, GroupAdvantageShapes,
                         ::testing::Values(Shape{"one_row", 1, 1, 1, 0}, Shape{"groups_of_one", 5, 1, 2, 0},
                                           Shape{"one_group", 1, 7, 3, 0}, Shape{"odd", 3, 5, 2, 0.2},
                                           Shape{"groups_over_a_warp", 3, 45, 2, 0.3},
                                           Shape{"groups_over_two_blocks", 35, 2, 1, 0.1},
                                           Shape{"many_missing", 9, 4, 3, 0.6},
                                           Shape{"all_missing", 2, 3, 2, 1}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(GroupAdvantageThreads, agrees_with_the_reference_for_every_option) {
  check_against_the_reference(cpu::group_advantage, {"rows_for_several_threads", 1024, 8, 4, 0.1});
}

struct Backend {
  const char* name;
  Kernel kernel;
};

std::ostream& operator<<(std::ostream& out, const Backend& backend) { return out << backend.name; }

/** Contracts that hold for every backend, the reference included. */
class GroupAdvantage : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (kernel == device_group_advantage) RLKD_REQUIRE_DEVICE();
  }
  const Kernel kernel = GetParam().kernel;
};
INSTANTIATE_TEST_SUITE_P(Backends, GroupAdvantage,
                         ::testing::Values(Backend{"cpu", cpu::group_advantage},
                                           Backend{"device", device_group_advantage},
                                           Backend{"reference", reference::group_advantage}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(GroupAdvantage, divides_by_the_sample_std_of_the_group_plus_1e_4) {
  const Result result = run(kernel, {{1}, {0}, {1}, {0}}, {1}, options_of(4));
  const double std = std::sqrt(1.0 / 3);
  EXPECT_TRUE(close(result.advantages[0], 0.5 / (std + 1e-4), kTolerance));
  EXPECT_TRUE(close(result.advantages[1], -0.5 / (std + 1e-4), kTolerance));
  EXPECT_TRUE(close(result.reward_std[3], std, kTolerance));
}

TEST_P(GroupAdvantage, keeps_the_group_mean_and_takes_the_std_of_the_batch_when_asked) {
  const Result result = run(kernel, {{1}, {0}, {4}, {4}}, {1}, options_of(2, ScaleRewards::batch));
  const double std = std::sqrt((1.25 * 1.25 + 2.25 * 2.25 + 2 * 1.75 * 1.75) / 3);
  EXPECT_TRUE(close(result.advantages[0], 0.5 / (std + 1e-4), kTolerance));
  EXPECT_EQ(result.advantages[2], 0);
  for (float value : result.reward_std) EXPECT_TRUE(close(value, std, kTolerance));
}

TEST_P(GroupAdvantage, gives_exactly_zero_for_a_group_of_equal_rewards) {
  for (auto scale : {ScaleRewards::group, ScaleRewards::batch, ScaleRewards::none}) {
    // 0.1 and 0.7 have no exact binary form; neither has the sum of three of them.
    const Result result = run(kernel, {{0.1f, 0.7f}, {0.1f, 0.7f}, {0.1f, 0.7f}, {9, 1}, {2, 1}, {2, 5}},
                              {15, 10}, options_of(3, scale));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(result.advantages[static_cast<size_t>(i)], 0);
    EXPECT_NE(result.advantages[3], 0);
  }
}

TEST_P(GroupAdvantage, drop_row_leaves_a_row_with_any_weighted_nan_out_of_its_group) {
  const std::vector<std::vector<float>> rows = {{1, kNaN}, {0, 1}, {1, 1}, {2, 1}};
  const Result result = run(kernel, rows, {1, 1}, options_of(4, ScaleRewards::none));
  EXPECT_EQ(result.advantages, (std::vector<float>{0, -1, 0, 1}));
  EXPECT_TRUE(std::isnan(result.reward[0]));
  EXPECT_EQ(result.reward[1], 1);
  // A NaN of weight 0 does not matter.
  const Result unweighted = run(kernel, rows, {1, 0}, options_of(4, ScaleRewards::none));
  EXPECT_EQ(unweighted.advantages, (std::vector<float>{0, -1, 0, 1}));
  EXPECT_EQ(unweighted.reward[0], 1);
}

TEST_P(GroupAdvantage, trl_counts_a_single_nan_as_zero_and_leaves_out_a_row_of_nans) {
  const Result result = run(kernel, {{1, kNaN}, {kNaN, kNaN}, {0, 1}, {4, 0}}, {1, 1},
                            options_of(4, ScaleRewards::none, Unscorable::trl));
  EXPECT_EQ(result.advantages, (std::vector<float>{-1, 0, -1, 2}));
  EXPECT_TRUE(std::isnan(result.reward[1]));
}

TEST_P(GroupAdvantage, gives_zero_and_an_undefined_std_to_the_only_scorable_member) {
  for (auto scale : {ScaleRewards::group, ScaleRewards::batch, ScaleRewards::none}) {
    const Result result = run(kernel, {{5}, {kNaN}}, {1}, options_of(2, scale));
    EXPECT_EQ(result.advantages, (std::vector<float>{0, 0}));
    EXPECT_TRUE(std::isnan(result.reward_std[0]));
    EXPECT_EQ(result.reward[0], 5);
  }
}

TEST_P(GroupAdvantage, has_std_zero_for_groups_of_one) {
  const Result result = run(kernel, {{5}, {1}}, {1}, options_of(1));
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
  const Result small = run(kernel, rows, {1, 1}, options);
  const Result large = run(kernel, scaled, {1, 1}, options);
  // Only the 1e-4 beside the std tells them apart.
  EXPECT_TRUE(test::all_close(large.advantages, small.advantages, 8, Tolerance{2e-4, 2e-4}));
}

TEST_P(GroupAdvantage, does_not_change_when_a_constant_is_added_to_a_group) {
  std::vector<std::vector<float>> rows = {{1}, {0.25f}, {3}, {0.5f}, {2}, {1}};
  const Result before = run(kernel, rows, {2}, options_of(3));
  for (size_t i = 0; i < 3; ++i) rows[i][0] += 64;
  const Result after = run(kernel, rows, {2}, options_of(3));
  EXPECT_TRUE(test::all_close(after.advantages, before.advantages, 6, kTolerance));
}

TEST_P(GroupAdvantage, works_without_the_optional_outputs) {
  Guarded<float> rewards(std::vector<float>{1, 0});
  Guarded<float> weights(1, 1);
  Guarded<float> advantages(2);
  kernel({rewards.data(), 2, 1, 1}, weights.view(), options_of(2, ScaleRewards::none), advantages.view(), {},
         {});
  EXPECT_EQ(advantages.values(), (std::vector<float>{0.5f, -0.5f}));
}

TEST(GroupAdvantageDevice, device_gives_the_same_bits_twice) {
  RLKD_REQUIRE_DEVICE();
  Random random(21);
  std::vector<std::vector<float>> rows;
  for (int i = 0; i < 600; ++i) {
    rows.push_back({static_cast<float>(random.normal()), static_cast<float>(random.normal(100))});
  }
  for (auto scale : {ScaleRewards::group, ScaleRewards::batch}) {
    for (auto objective : {MultiObjective::sum_then_normalize, MultiObjective::normalize_then_sum}) {
      const auto options = options_of(6, scale, Unscorable::drop_row, objective);
      const Result once = run(device_group_advantage, rows, {1, 0.5f}, options);
      const Result twice = run(device_group_advantage, rows, {1, 0.5f}, options);
      EXPECT_EQ(once.advantages, twice.advantages);
      EXPECT_EQ(once.reward_std, twice.reward_std);
    }
  }
}

TEST(GroupAdvantageDevice, device_and_cpu_give_the_same_advantages_of_a_common_offset) {
  // 1e7 + {0 .. 4} is exact in fp32, but squares and sums of such numbers are not: both backends use fp64.
  RLKD_REQUIRE_DEVICE();
  Random random(22);
  std::vector<std::vector<float>> rows;
  for (int i = 0; i < 64; ++i) rows.push_back({1e7f + static_cast<float>(random.below(5))});
  for (auto scale : {ScaleRewards::group, ScaleRewards::batch, ScaleRewards::none}) {
    const auto options = options_of(8, scale);
    EXPECT_TRUE(test::all_close(run(device_group_advantage, rows, {1}, options).advantages,
                                run(cpu::group_advantage, rows, {1}, options).advantages, 64, kTolerance));
  }
}

}  // namespace
}  // namespace rlkd::kernels
