#include "rlkd/kernels/group_advantage.h"

#include <cinttypes>
#include <cmath>

#include "arguments.h"

using namespace rlkd::native;
namespace kernels = rlkd::kernels;

namespace {

kernels::GroupAdvantageOptions checked_options(const rlkd_group_advantage_options& options, int64_t rows) {
  if (options.group_size < 1 || rows % options.group_size != 0) {
    invalid("options.group_size is %" PRId64 ", expected a divisor of the %" PRId64 " rows of rewards",
            options.group_size, rows);
  }
  require_enum("options.scale_rewards", options.scale_rewards, RLKD_SCALE_NONE);
  require_enum("options.multi_objective", options.multi_objective, RLKD_NORMALIZE_THEN_SUM);
  require_enum("options.unscorable", options.unscorable, RLKD_UNSCORABLE_TRL);
  return {options.group_size, static_cast<kernels::ScaleRewards>(options.scale_rewards),
          static_cast<kernels::MultiObjective>(options.multi_objective),
          static_cast<kernels::Unscorable>(options.unscorable)};
}

void require_no_infinity(kernels::Matrix<const float> rewards, kernels::Vector<const float> weights) {
  for (int64_t f = 0; f < weights.size; ++f) {
    if (!std::isfinite(weights[f])) {
      invalid("weights[%" PRId64 "] is %g, expected a finite number", f, static_cast<double>(weights[f]));
    }
  }
  for (int64_t i = 0; i < rewards.rows; ++i) {
    for (int64_t f = 0; f < rewards.cols; ++f) {
      if (std::isinf(rewards(i, f))) {
        invalid("rewards[%" PRId64 ", %" PRId64 "] is %g, expected a finite number or NaN (unscorable)", i, f,
                static_cast<double>(rewards(i, f)));
      }
    }
  }
}

}  // namespace

extern "C" rlkd_status rlkd_group_advantage(const rlkd_context* context, const rlkd_tensor* rewards_tensor,
                                            const rlkd_tensor* weights_tensor,
                                            const rlkd_group_advantage_options* options_pointer,
                                            rlkd_tensor* advantages_tensor, rlkd_tensor* reward_tensor,
                                            rlkd_tensor* reward_std_tensor) {
  return guard("rlkd_group_advantage", [&] {
    Arguments arguments(context);
    const auto rewards = arguments.matrix<const float>("rewards", rewards_tensor);
    const int64_t rows = rewards.rows;
    const auto weights = arguments.vector<const float>("weights", weights_tensor, rewards.cols, "functions");
    const auto options = checked_options(required("options", options_pointer), rows);
    if (rewards.cols < 1) invalid("rewards.shape[1] is 0, expected at least one reward function");
    const auto advantages = arguments.vector<float>("advantages", advantages_tensor, rows, "rows");
    const auto reward = arguments.optional_vector<float>("reward", reward_tensor, rows, "rows");
    const auto reward_std = arguments.optional_vector<float>("reward_std", reward_std_tensor, rows, "rows");
    arguments.require_no_overlap();

    if (arguments.values_on_host()) require_no_infinity(rewards, weights);
    switch (arguments.backend()) {
      case RLKD_BACKEND_CPU:
        return kernels::cpu::group_advantage(rewards, weights, options, advantages, reward, reward_std);
      case RLKD_BACKEND_REFERENCE:
        return kernels::reference::group_advantage(rewards, weights, options, advantages, reward, reward_std);
      default:
        arguments.run_on_device([&](kernels::Stream stream) {
          return kernels::cuda::group_advantage(rewards, weights, options, advantages, reward, reward_std,
                                                stream);
        });
    }
  });
}
