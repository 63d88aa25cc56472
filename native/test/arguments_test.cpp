/* Checks that every function shares, seen through rlkd_logprob_forward. */
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <thread>

#include "tensors.h"

namespace rlkd::native::test {
namespace {

class ArgumentsTest : public ::testing::Test {
 protected:
  rlkd_status forward(const rlkd_context* context = nullptr) {
    return rlkd_logprob_forward(context, logits, tokens, 1, logprob, entropy, logsumexp, nullptr, 0);
  }
  ::testing::AssertionResult invalid(std::initializer_list<const char*> parts) {
    const ::testing::AssertionResult result = refused(forward(), RLKD_INVALID_ARGUMENT, parts);
    for (const float value : logprob.values()) EXPECT_EQ(value, kUntouched) << "written although refused";
    return result;
  }

  static constexpr float kUntouched = 77;
  Tensor<float> logits{{2, 3}, {0, 1, 2, 3, 4, 5}};
  Tensor<int64_t> tokens{{2}, {0, 2}};
  Tensor<float> logprob{{2}, {kUntouched, kUntouched}};
  Tensor<float> entropy{{2}, {0, 0}};
  Tensor<float> logsumexp{{2}, {0, 0}};
};

TEST_F(ArgumentsTest, a_good_call_succeeds_and_leaves_no_text) {
  logits.tensor.ndim = 1;
  EXPECT_NE(forward(), RLKD_OK);
  logits.tensor.ndim = 2;
  EXPECT_TRUE(ok(forward()));
  EXPECT_STREQ(rlkd_last_error(), "");
}

TEST_F(ArgumentsTest, messages_name_the_function_the_argument_and_both_values) {
  tokens.shape()[0] = 1;
  EXPECT_TRUE(invalid({"rlkd_logprob_forward: ", "tokens.shape[0] is 1", "expected rows = 2"}));
}

TEST_F(ArgumentsTest, a_null_tensor_is_refused) {
  EXPECT_TRUE(
      refused(rlkd_logprob_forward(nullptr, nullptr, tokens, 1, logprob, entropy, logsumexp, nullptr, 0),
              RLKD_INVALID_ARGUMENT, {"logits is NULL"}));
  EXPECT_TRUE(refused(rlkd_logprob_forward(nullptr, logits, tokens, 1, logprob, entropy, nullptr, nullptr, 0),
                      RLKD_INVALID_ARGUMENT, {"logsumexp is NULL"}));
}

TEST_F(ArgumentsTest, null_data_is_refused_unless_there_are_no_elements) {
  logits.tensor.data = nullptr;
  EXPECT_TRUE(invalid({"logits.data is NULL", "6 elements"}));
  for (auto* tensor : {&logits, &logprob, &entropy, &logsumexp}) {
    tensor->shape()[0] = 0;
    tensor->tensor.data = nullptr;
  }
  tokens.shape()[0] = 0;
  EXPECT_TRUE(ok(forward()));
}

TEST_F(ArgumentsTest, a_null_shape_is_refused) {
  logits.tensor.shape = nullptr;
  EXPECT_TRUE(invalid({"logits.shape is NULL"}));
}

TEST_F(ArgumentsTest, a_wrong_number_of_dimensions_is_refused) {
  logits.tensor.ndim = 1;
  EXPECT_TRUE(invalid({"logits has 1 dimensions", "expected 2"}));
}

TEST_F(ArgumentsTest, a_wrong_dtype_is_refused_by_name) {
  logits.tensor.dtype.bits = 64;
  EXPECT_TRUE(invalid({"logits has dtype float64", "expected float32"}));
  logits.tensor.dtype = {RLKD_DTYPE_BFLOAT, 16, 1};
  EXPECT_TRUE(invalid({"logits has dtype bfloat16", "expected float32"}));
  logits.tensor.dtype = {RLKD_DTYPE_FLOAT, 32, 4};
  EXPECT_TRUE(invalid({"logits has dtype float32x4", "expected float32"}));
  logits.tensor.dtype = {RLKD_DTYPE_FLOAT, 32, 1};
  tokens.tensor.dtype = {RLKD_DTYPE_UINT, 64, 1};
  EXPECT_TRUE(invalid({"tokens has dtype uint64", "expected int64"}));
}

TEST_F(ArgumentsTest, device_memory_is_refused_by_a_cpu_backend) {
  logits.tensor.device = {RLKD_DEVICE_CUDA, 0};
  EXPECT_TRUE(invalid({"logits is on CUDA device 0", "expected host memory"}));
  logits.tensor.device = {RLKD_DEVICE_CUDA_HOST, 0};
  EXPECT_TRUE(ok(forward())) << "pinned host memory is host memory";
}

TEST_F(ArgumentsTest, a_negative_extent_and_an_overflowing_shape_are_refused) {
  logits.shape()[1] = -3;
  EXPECT_TRUE(invalid({"logits.shape[1] is -3"}));
  logits.shape() = {int64_t{1} << 40, int64_t{1} << 40};
  EXPECT_TRUE(invalid({"logits.shape"}));
  logits.shape() = {2, int64_t{1} << 61};
  EXPECT_TRUE(invalid({"logits.shape"}));
  logits.shape() = {2, 3};
  logits.set_strides({int64_t{1} << 62, 1});
  EXPECT_TRUE(invalid({"logits.strides[0]"}));
}

TEST_F(ArgumentsTest, an_inner_stride_other_than_one_is_refused) {
  logits.set_strides({3, 2});
  EXPECT_TRUE(invalid({"logits.strides[1] is 2", "expected 1"}));
  logits.tensor.strides = nullptr;
  tokens.set_strides({-1});
  EXPECT_TRUE(invalid({"tokens.strides[0] is -1", "expected 1"}));
}

TEST_F(ArgumentsTest, strides_of_dimensions_of_extent_one_mean_nothing) {
  Tensor<float> one_logit{{1, 1}, {4}};
  one_logit.set_strides({77, -5});
  Tensor<int64_t> one_token{{1}, {0}};
  one_token.set_strides({0});
  Tensor<float> a{{1}, {0}}, b{{1}, {0}}, c{{1}, {0}};
  EXPECT_TRUE(ok(rlkd_logprob_forward(nullptr, one_logit, one_token, 1, a, b, c, nullptr, 0)));
  EXPECT_EQ(a.values()[0], 0);
}

TEST_F(ArgumentsTest, rows_of_an_input_may_share_memory_but_rows_of_an_output_may_not) {
  logits.set_strides({0, 1});
  EXPECT_TRUE(ok(forward()));
  EXPECT_EQ(logsumexp.values()[0], logsumexp.values()[1]);
  EXPECT_TRUE(refused(rlkd_logprob_backward(nullptr, logits, tokens, 1, logsumexp, entropy, logprob, nullptr),
                      RLKD_INVALID_ARGUMENT, {"logits.strides[0] is 0", ">= 3"}));
}

TEST_F(ArgumentsTest, a_misaligned_address_is_refused) {
  logits.tensor.byte_offset = 2;
  EXPECT_TRUE(invalid({"logits.data + byte_offset", "multiple of 4"}));
}

TEST_F(ArgumentsTest, byte_offset_is_added_to_data) {
  Tensor<float> shifted{{2, 3}, {99, 0, 1, 2, 3, 4, 5}};
  shifted.tensor.byte_offset = 4;
  ASSERT_TRUE(ok(forward()));
  const std::vector<float> expected = logprob.values();
  ASSERT_TRUE(ok(rlkd_logprob_forward(nullptr, shifted, tokens, 1, logprob, entropy, logsumexp, nullptr, 0)));
  EXPECT_EQ(logprob.values(), expected);
}

TEST_F(ArgumentsTest, an_output_that_overlaps_anything_is_refused) {
  Tensor<float> memory{{2}, {0, 0, 0, 0, 0, 0, 0, 0}};
  const auto at = [&](rlkd_tensor tensor, int64_t element) {
    tensor.data = memory.values().data() + element;
    return tensor;
  };
  rlkd_tensor logits_at_0 = at(logits.tensor, 0);
  rlkd_tensor inside = at(logprob.tensor, 5);
  EXPECT_TRUE(
      refused(rlkd_logprob_forward(nullptr, &logits_at_0, tokens, 1, &inside, entropy, logsumexp, nullptr, 0),
              RLKD_INVALID_ARGUMENT, {"logprob", "overlaps", "logits"}));
  rlkd_tensor behind = at(logprob.tensor, 6);
  EXPECT_TRUE(
      ok(rlkd_logprob_forward(nullptr, &logits_at_0, tokens, 1, &behind, entropy, logsumexp, nullptr, 0)));
  EXPECT_TRUE(
      refused(rlkd_logprob_forward(nullptr, logits, tokens, 1, logprob, logprob, logsumexp, nullptr, 0),
              RLKD_INVALID_ARGUMENT, {"overlaps"}));
}

TEST_F(ArgumentsTest, columns_of_one_matrix_interleave_without_overlapping) {
  // Columns 0..2 are the input, columns 3..5 the output of one call.
  Tensor<float> memory{{2, 3}, std::vector<float>(12, -1)};
  memory.set_strides({6, 1});
  rlkd_tensor right = memory.tensor;
  right.byte_offset = 3 * sizeof(float);
  Tensor<float> mask{{2, 3}, {1, 1, 1, 1, 1, 1}}, advantages{{2}, {1, -1}};
  Tensor<double> loss{{1}, {0}};
  rlkd_policy_loss_inputs inputs{};
  inputs.logprob = memory;
  inputs.mask = mask;
  inputs.advantages = advantages;
  rlkd_policy_loss_options options{};
  options.loss_type = RLKD_LOSS_GRPO;
  options.epsilon = options.epsilon_high = 0.2;
  options.delta = options.off_policy_threshold = NAN;
  options.top_entropy_quantile = options.accumulation_steps = options.steps_per_generation = 1;
  options.num_processes = options.num_items_in_batch = options.max_completion_length = 1;
  options.sapo_temperature_pos = options.sapo_temperature_neg = 1;
  options.vespo_k_pos = options.vespo_k_neg = options.vespo_lambda_pos = options.vespo_lambda_neg = 1;
  size_t bytes = 0;
  ASSERT_TRUE(ok(rlkd_policy_loss_workspace_size(nullptr, 2, 3, &options, &bytes)));
  std::vector<char> storage(bytes + 64);
  void* workspace = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64);
  const auto call = [&] {
    return rlkd_policy_loss(nullptr, &inputs, &options, loss, &right, nullptr, nullptr, workspace, bytes);
  };
  EXPECT_TRUE(ok(call()));
  for (const size_t i : {0u, 1u, 2u, 6u, 7u, 8u}) EXPECT_EQ(memory.values()[i], -1);
  for (const size_t i : {3u, 4u, 5u, 9u, 10u, 11u}) EXPECT_NE(memory.values()[i], -1);
  right.byte_offset = 2 * sizeof(float);
  EXPECT_TRUE(refused(call(), RLKD_INVALID_ARGUMENT, {"logprob", "overlaps", "dlogprob"}));
}

TEST_F(ArgumentsTest, an_unavailable_backend_is_refused_with_its_reason) {
  const rlkd_context context{RLKD_BACKEND_CUDA, 0, nullptr};
  const char* reason = nullptr;
  if (rlkd_backend_available(RLKD_BACKEND_CUDA, &reason) == 1)
    GTEST_SKIP() << "this machine has a CUDA device";
  EXPECT_TRUE(refused(forward(&context), RLKD_BACKEND_UNAVAILABLE, {"CUDA", reason}));
}

TEST_F(ArgumentsTest, a_stream_or_device_index_off_cuda_is_refused) {
  int something = 0;
  const rlkd_context streamed{RLKD_BACKEND_CPU, 0, &something};
  EXPECT_TRUE(refused(forward(&streamed), RLKD_INVALID_ARGUMENT, {"context.stream", "CPU"}));
  const rlkd_context indexed{RLKD_BACKEND_REFERENCE, 1, nullptr};
  EXPECT_TRUE(refused(forward(&indexed), RLKD_INVALID_ARGUMENT, {"context.device_index is 1", "REFERENCE"}));
}

TEST_F(ArgumentsTest, a_backend_number_that_does_not_exist_is_refused) {
  rlkd_context context{RLKD_BACKEND_CPU, 0, nullptr};
  const int number = 9;
  std::memcpy(&context.backend, &number, sizeof number);
  EXPECT_TRUE(refused(forward(&context), RLKD_INVALID_ARGUMENT, {"context.backend is 9"}));
}

TEST_F(ArgumentsTest, each_thread_has_its_own_error_text) {
  logits.tensor.ndim = 1;
  EXPECT_NE(forward(), RLKD_OK);
  std::string text_of_other_thread = "unset";
  std::thread([&] { text_of_other_thread = rlkd_last_error(); }).join();
  EXPECT_EQ(text_of_other_thread, "");
  EXPECT_STRNE(rlkd_last_error(), "");
}

}  // namespace
}  // namespace rlkd::native::test
