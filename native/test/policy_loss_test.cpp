#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "rlkd.h"
#include "tensors.h"

namespace rlkd::native::test {
namespace {

rlkd_policy_loss_options trl_defaults() {
  rlkd_policy_loss_options options{};
  options.loss_type = RLKD_LOSS_GRPO;
  options.importance_level = RLKD_IMPORTANCE_TOKEN;
  options.epsilon = options.epsilon_high = 0.2;
  options.delta = NAN;
  options.bias_correction_kl = 1;
  options.training = 1;
  options.sapo_temperature_pos = 1;
  options.sapo_temperature_neg = 1.05;
  options.vespo_k_pos = 2;
  options.vespo_lambda_pos = 3;
  options.vespo_k_neg = 3;
  options.vespo_lambda_neg = 2;
  options.off_policy_threshold = NAN;
  options.top_entropy_quantile = 1;
  options.accumulation_steps = options.steps_per_generation = options.num_processes = 1;
  options.num_items_in_batch = 3;
  options.max_completion_length = 2;
  return options;
}

// Two sequences of two tokens, the last one masked; on policy but for the first token's ratio of 2.
struct Call {
  Tensor<float> logprob{{2, 2}, {-1, -2, -3, NAN}};
  Tensor<float> entropy{{2, 2}, {1, 2, 3, NAN}};
  Tensor<float> old_logprob{{2, 2}, {-1 - std::log(2.0f), -2, -3, NAN}};
  Tensor<float> ref_logprob{{2, 2}, {-1, -2, -3, NAN}};
  Tensor<float> importance_ratio{{2, 1}, {1, 1}};
  Tensor<float> mask{{2, 2}, {1, 1, 1, 0}};
  Tensor<float> advantages{{2}, {1, -1}};
  Tensor<double> loss{{1}, {-99}};
  Tensor<float> dlogprob{{2, 2}, std::vector<float>(4, -99)};
  Tensor<float> dentropy{{2, 2}, std::vector<float>(4, -99)};
  rlkd_policy_loss_options options = trl_defaults();
  rlkd_policy_loss_inputs inputs{logprob, entropy,          old_logprob, ref_logprob,
                                 nullptr, importance_ratio, mask,        advantages};
  rlkd_tensor* dentropy_argument = dentropy;
  rlkd_policy_loss_counters counters{};
  size_t misalignment = 0;

  rlkd_status run(rlkd_backend backend = RLKD_BACKEND_CPU) {
    const rlkd_context context{backend, 0, nullptr};
    size_t bytes = 0;
    const rlkd_status sized = rlkd_policy_loss_workspace_size(&context, 2, 2, &options, &bytes);
    if (sized != RLKD_OK) return sized;
    char* workspace = static_cast<char*>(std::aligned_alloc(64, (bytes + 127) / 64 * 64));
    const rlkd_status status =
        rlkd_policy_loss(&context, &inputs, &options, loss, dlogprob, dentropy_argument, &counters,
                         workspace + misalignment, bytes);
    std::free(workspace);
    return status;
  }
  void expect_untouched() {
    EXPECT_EQ(loss.values()[0], -99);
    for (float value : dlogprob.values()) EXPECT_EQ(value, -99);
    for (float value : dentropy.values()) EXPECT_EQ(value, -99);
    EXPECT_EQ(counters.sequences, 0);
  }
};

TEST(PolicyLoss, computes_loss_gradient_and_counters_on_every_backend) {
  for (const rlkd_backend backend : host_backends()) {
    Call call;
    call.options.entropy_coefficient = 0.3;
    ASSERT_TRUE(ok(call.run(backend)));
    EXPECT_NEAR(call.loss.values()[0], (-(1.2 + 1) / 2 + 1) / 2 - 0.3 * 2, 1e-7);
    EXPECT_EQ(call.dlogprob.values(), (std::vector<float>{0, -0.25f, 0.5f, 0}));
    EXPECT_FLOAT_EQ(call.dentropy.values()[2], -0.1f);
    EXPECT_EQ(call.dentropy.values()[3], 0);
    EXPECT_EQ(call.counters.tokens, 3);
    EXPECT_EQ(call.counters.sequences, 2);
    EXPECT_EQ(call.counters.ratios, 3);
    EXPECT_EQ(call.counters.clip_high_sum, 1);
    EXPECT_EQ(call.counters.clip_high_max, 0.5);
    EXPECT_EQ(call.counters.entropy_sum, 6);
    EXPECT_NEAR(call.counters.ratio_max, 2, 1e-6);
    EXPECT_EQ(call.counters.entropy_kept, 3);
    EXPECT_EQ(call.counters.off_policy_kept, 2);
    EXPECT_NEAR(call.counters.policy_loss, -0.05, 1e-7);
  }
}

TEST(PolicyLoss, an_input_that_the_options_need_is_refused_if_missing) {
  Call entropy;
  entropy.inputs.entropy = nullptr;
  entropy.options.top_entropy_quantile = 0.5;
  EXPECT_TRUE(refused(entropy.run(), RLKD_INVALID_ARGUMENT, {"entropy is NULL", "top_entropy_quantile"}));
  entropy.options.top_entropy_quantile = 1;
  entropy.options.entropy_coefficient = 0.1;
  EXPECT_TRUE(refused(entropy.run(), RLKD_INVALID_ARGUMENT, {"entropy is NULL", "entropy_coefficient"}));
  Call reference;
  reference.inputs.ref_logprob = nullptr;
  reference.options.beta = 0.1;
  EXPECT_TRUE(refused(reference.run(), RLKD_INVALID_ARGUMENT, {"ref_logprob is NULL", "beta"}));
  reference.expect_untouched();
  Call gradient;
  gradient.dentropy_argument = nullptr;
  EXPECT_TRUE(ok(gradient.run()));
  gradient.options.entropy_coefficient = 0.1;
  EXPECT_TRUE(refused(gradient.run(), RLKD_INVALID_ARGUMENT, {"dentropy is NULL"}));
}

TEST(PolicyLoss, numbers_out_of_their_range_are_refused_by_name) {
  struct Case {
    const char* name;
    double rlkd_policy_loss_options::*field;
    double value;
  };
  using Options = rlkd_policy_loss_options;
  const Case cases[] = {
      {"epsilon", &Options::epsilon, -0.1},
      {"epsilon_high", &Options::epsilon_high, NAN},
      {"delta", &Options::delta, 0},
      {"beta", &Options::beta, -1},
      {"sapo_temperature_pos", &Options::sapo_temperature_pos, 0},
      {"sapo_temperature_neg", &Options::sapo_temperature_neg, INFINITY},
      {"vespo_k_pos", &Options::vespo_k_pos, -1},
      {"vespo_lambda_neg", &Options::vespo_lambda_neg, NAN},
      {"off_policy_threshold", &Options::off_policy_threshold, INFINITY},
      {"top_entropy_quantile", &Options::top_entropy_quantile, 1.5},
      {"entropy_coefficient", &Options::entropy_coefficient, NAN},
      {"accumulation_steps", &Options::accumulation_steps, 0},
      {"steps_per_generation", &Options::steps_per_generation, -1},
      {"num_items_in_batch", &Options::num_items_in_batch, -1},
      {"num_processes", &Options::num_processes, 0},
      {"max_completion_length", &Options::max_completion_length, 0},
      {"batch_sequences", &Options::batch_sequences, -1},
      {"batch_tokens", &Options::batch_tokens, NAN},
  };
  for (const Case& c : cases) {
    Call call;
    call.options.*c.field = c.value;
    EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"options.", c.name}));
    call.expect_untouched();
  }
}

TEST(PolicyLoss, an_entropy_quantile_of_a_part_of_a_micro_batch_is_refused) {
  Call call;
  call.options.batch_sequences = 5;
  call.options.batch_tokens = 10;
  EXPECT_TRUE(ok(call.run()));
  Call part;
  part.options = call.options;
  part.options.top_entropy_quantile = 0.5;
  EXPECT_TRUE(
      refused(part.run(), RLKD_INVALID_ARGUMENT, {"3 tokens", "batch_tokens = 10", "whole micro-batch"}));
  part.expect_untouched();
  // Only fully masked sequences are missing.
  part.options.batch_tokens = 3;
  EXPECT_TRUE(ok(part.run()));
}

TEST(PolicyLoss, advantages_of_tokens_are_refused_where_a_sequence_needs_one) {
  Call call;
  Tensor<float> tokens{{2, 2}, {1, 1, -1, NAN}};
  call.inputs.advantages = tokens;
  EXPECT_TRUE(ok(call.run()));
  call.options.loss_type = RLKD_LOSS_VESPO;
  EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"advantages", "VESPO"}));
  call.options.loss_type = RLKD_LOSS_GRPO;
  call.options.off_policy_threshold = 0.5;
  EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"advantages", "off_policy_threshold"}));
}

TEST(PolicyLoss, shapes_and_memory_that_do_not_fit_are_refused_by_name) {
  Call mask;
  mask.mask.shape() = {2, 3};
  EXPECT_TRUE(refused(mask.run(), RLKD_INVALID_ARGUMENT, {"mask.shape[1]", "length = 2"}));
  Call ratio;
  ratio.importance_ratio.shape() = {1, 1};
  EXPECT_TRUE(refused(ratio.run(), RLKD_INVALID_ARGUMENT, {"importance_ratio.shape[0]", "batch = 2"}));
  Call empty;
  empty.logprob.shape() = {0, 2};
  EXPECT_TRUE(refused(empty.run(), RLKD_INVALID_ARGUMENT, {"logprob.shape[0]", "0"}));
  Call loss;
  loss.loss.tensor.dtype.bits = 32;
  EXPECT_TRUE(refused(loss.run(), RLKD_INVALID_ARGUMENT, {"loss", "float32", "float64"}));
  Call overlap;
  overlap.dlogprob.tensor.data = overlap.logprob.values().data();
  EXPECT_TRUE(refused(overlap.run(), RLKD_INVALID_ARGUMENT, {"dlogprob", "logprob", "overlap"}));
  Call workspace;
  workspace.misalignment = 8;
  EXPECT_TRUE(refused(workspace.run(), RLKD_INVALID_ARGUMENT, {"workspace", "multiple of 64"}));
  workspace.expect_untouched();
}

}  // namespace
}  // namespace rlkd::native::test
