#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "rlkd.h"
#include "tensors.h"

namespace rlkd::native::test {
namespace {

// Two groups of two rows, one reward function; outputs start at -99.
struct Call {
  Tensor<float> rewards{{4, 1}, {1, 0, 3, 5}};
  Tensor<float> weights{{1}, {2}};
  Tensor<float> advantages{{4}, std::vector<float>(4, -99)};
  Tensor<float> reward{{4}, std::vector<float>(4, -99)};
  Tensor<float> reward_std{{4}, std::vector<float>(4, -99)};
  rlkd_group_advantage_options options{2, RLKD_SCALE_NONE, RLKD_SUM_THEN_NORMALIZE, RLKD_UNSCORABLE_DROP_ROW};

  rlkd_status run(rlkd_backend backend = RLKD_BACKEND_CPU) {
    const rlkd_context context{backend, 0, nullptr};
    return rlkd_group_advantage(&context, rewards, weights, &options, advantages, reward, reward_std);
  }
  void expect_untouched() {
    for (auto* output : {&advantages, &reward, &reward_std}) {
      for (float value : output->values()) EXPECT_EQ(value, -99);
    }
  }
};

TEST(GroupAdvantage, centres_rewards_in_their_group_on_every_backend) {
  for (const rlkd_backend backend : host_backends()) {
    Call call;
    ASSERT_TRUE(ok(call.run(backend)));
    EXPECT_EQ(call.advantages.values(), (std::vector<float>{1, -1, -2, 2}));
    EXPECT_EQ(call.reward.values(), (std::vector<float>{2, 0, 6, 10}));
    EXPECT_FLOAT_EQ(call.reward_std.values()[0], std::sqrt(2.0f));
  }
}

TEST(GroupAdvantage, rows_of_rewards_may_lie_apart) {
  Call call;
  call.rewards.values() = {1, NAN, 0, NAN, 3, NAN, 5, NAN};
  call.rewards.tensor.data = call.rewards.values().data();
  call.rewards.set_strides({2, 1});
  ASSERT_TRUE(ok(call.run()));
  EXPECT_EQ(call.advantages.values(), (std::vector<float>{1, -1, -2, 2}));
}

TEST(GroupAdvantage, optional_outputs_may_be_null) {
  Call call;
  ASSERT_TRUE(ok(rlkd_group_advantage(nullptr, call.rewards, call.weights, &call.options, call.advantages,
                                      nullptr, nullptr)));
  EXPECT_EQ(call.advantages.values()[3], 2);
}

TEST(GroupAdvantage, a_group_size_that_does_not_divide_the_rows_is_refused) {
  for (int64_t size : {int64_t{0}, int64_t{-1}, int64_t{3}, INT64_MIN}) {
    Call call;
    call.options.group_size = size;
    EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"options.group_size", "4 rows"}));
    call.expect_untouched();
  }
}

TEST(GroupAdvantage, options_that_are_no_enumerators_are_refused_by_name) {
  const auto spoil = [](auto& field) {
    const int number = 7;
    std::memcpy(&field, &number, sizeof number);
  };
  Call scale;
  spoil(scale.options.scale_rewards);
  EXPECT_TRUE(refused(scale.run(), RLKD_INVALID_ARGUMENT, {"options.scale_rewards", "7"}));
  Call objective;
  spoil(objective.options.multi_objective);
  EXPECT_TRUE(refused(objective.run(), RLKD_INVALID_ARGUMENT, {"options.multi_objective", "7"}));
  Call unscorable;
  spoil(unscorable.options.unscorable);
  EXPECT_TRUE(refused(unscorable.run(), RLKD_INVALID_ARGUMENT, {"options.unscorable", "7"}));
}

TEST(GroupAdvantage, an_infinite_reward_or_weight_is_refused_with_its_place) {
  for (const rlkd_backend backend : host_backends()) {
    Call reward;
    reward.rewards.values()[2] = INFINITY;
    EXPECT_TRUE(
        refused(reward.run(backend), RLKD_INVALID_ARGUMENT, {"rewards[2, 0]", "inf", "NaN (unscorable)"}));
    reward.expect_untouched();
  }
  Call weight;
  weight.weights.values()[0] = NAN;
  EXPECT_TRUE(refused(weight.run(), RLKD_INVALID_ARGUMENT, {"weights[0]", "nan"}));
}

TEST(GroupAdvantage, shapes_that_do_not_fit_are_refused_by_name) {
  Call weights;
  weights.weights.shape() = {2};
  EXPECT_TRUE(refused(weights.run(), RLKD_INVALID_ARGUMENT, {"weights.shape[0]", "2", "functions = 1"}));
  Call advantages;
  advantages.advantages.shape() = {3};
  EXPECT_TRUE(refused(advantages.run(), RLKD_INVALID_ARGUMENT, {"advantages.shape[0]", "3", "rows = 4"}));
  Call none;
  none.rewards.shape() = {4, 0};
  none.weights.shape() = {0};
  EXPECT_TRUE(refused(none.run(), RLKD_INVALID_ARGUMENT, {"rewards.shape[1]", "at least one"}));
}

TEST(GroupAdvantage, an_output_in_the_memory_of_an_input_is_refused) {
  Call call;
  call.advantages.tensor.data = call.rewards.values().data();
  EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"advantages", "rewards", "overlap"}));
}

}  // namespace
}  // namespace rlkd::native::test
