/* sampling through the C interface: its own argument checks and its workspace. */
#include <gtest/gtest.h>

#include <cmath>

#include "tensors.h"

namespace rlkd::native::test {
namespace {

class NativeSampling : public ::testing::Test {
 protected:
  NativeSampling() {
    inputs.logits = logits;
    inputs.seed = seed;
    inputs.position = position;
    inputs.temperature = temperature;
    inputs.top_k = top_k;
    inputs.top_p = top_p;
    inputs.min_p = min_p;
    inputs.repetition_penalty = repetition_penalty;
    inputs.history = history;
    inputs.history_offsets = history_offsets;
    EXPECT_EQ(rlkd_sampling_workspace_size(nullptr, 2, 4, &bytes), RLKD_OK);
    storage.resize(bytes + 64);
    workspace = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64);
  }
  rlkd_status sample(const rlkd_context* context = nullptr) {
    return rlkd_sampling(context, &inputs, tokens, logprob, workspace, bytes);
  }
  ::testing::AssertionResult invalid(std::initializer_list<const char*> parts) {
    const ::testing::AssertionResult result = refused(sample(), RLKD_INVALID_ARGUMENT, parts);
    EXPECT_EQ(tokens.values(), (std::vector<int64_t>{-7, -7})) << "written although refused";
    return result;
  }

  Tensor<float> logits{{2, 4}, {0, 1, 2, 3, 3, 2, 1, 0}};
  Tensor<int64_t> seed{{2}, {1, 2}}, position{{2}, {0, 0}}, top_k{{2}, {0, 0}};
  Tensor<float> temperature{{2}, {1, 0}}, top_p{{2}, {1, 1}}, min_p{{2}, {0, 0}},
      repetition_penalty{{2}, {1, 1}};
  Tensor<int64_t> history{{3}, {0, 1, 3}}, history_offsets{{3}, {0, 2, 3}};
  Tensor<int64_t> tokens{{2}, {-7, -7}};
  Tensor<float> logprob{{2}, {0, 0}};
  rlkd_sampling_inputs inputs{};
  size_t bytes = 0;
  std::vector<char> storage;
  char* workspace = nullptr;
};

TEST_F(NativeSampling, every_backend_draws_the_same) {
  ASSERT_TRUE(ok(sample()));
  const std::vector<int64_t> drawn = tokens.values();
  EXPECT_EQ(drawn[1], 0) << "greedy";
  for (const rlkd_backend backend : host_backends()) {
    if (backend == RLKD_BACKEND_CPU) continue;
    const rlkd_context context{backend, 0, nullptr};
    size_t needed = 1;
    ASSERT_TRUE(ok(rlkd_sampling_workspace_size(&context, 2, 4, &needed)));
    EXPECT_EQ(needed, 0u);
    tokens.values() = {-7, -7};
    ASSERT_TRUE(ok(rlkd_sampling(&context, &inputs, tokens, logprob, nullptr, 0)));
    EXPECT_EQ(tokens.values(), drawn);
  }
}

TEST_F(NativeSampling, half_precision_logits_are_for_device_backends) {
  std::vector<uint16_t> bits{0, 0, 0, 0x4000, 0x4000, 0, 0, 0};  // bfloat16; 0x4000 is 2
  logits.tensor.data = bits.data();
  logits.tensor.dtype = {RLKD_DTYPE_BFLOAT, 16, 1};
  temperature.values() = {0, 0};
  for (const rlkd_backend backend : host_backends()) {
    const rlkd_context context{backend, 0, nullptr};
    if (backend == RLKD_BACKEND_EMULATED) {
      ASSERT_TRUE(ok(sample(&context)));
      EXPECT_EQ(tokens.values(), (std::vector<int64_t>{3, 0}));
      EXPECT_NEAR(logprob.values()[0], 2 - std::log(3 + std::exp(2.0)), 1e-6);
    } else {
      EXPECT_TRUE(refused(sample(&context), RLKD_INVALID_ARGUMENT, {"inputs.logits has dtype bfloat16"}));
    }
  }
}

TEST_F(NativeSampling, penalty_and_history_may_be_left_out) {
  inputs.repetition_penalty = inputs.history = inputs.history_offsets = nullptr;
  EXPECT_TRUE(ok(sample()));
  inputs.history = history;
  tokens.values() = {-7, -7};
  EXPECT_TRUE(invalid({"inputs.history_offsets is NULL"}));
}

TEST_F(NativeSampling, a_parameter_out_of_range_is_refused_by_row) {
  const auto spoiled = [&](Tensor<float>& tensor, float value, std::initializer_list<const char*> parts) {
    const float good = tensor.values()[1];
    tensor.values()[1] = value;
    const ::testing::AssertionResult result = invalid(parts);
    tensor.values()[1] = good;
    return result;
  };
  for (const float bad : {-1.0f, NAN, INFINITY}) {
    EXPECT_TRUE(spoiled(temperature, bad, {"inputs.temperature[1] is"}));
    EXPECT_TRUE(spoiled(top_p, bad, {"inputs.top_p[1] is", "[0, 1]"}));
    EXPECT_TRUE(spoiled(min_p, bad, {"inputs.min_p[1] is", "[0, 1]"}));
    EXPECT_TRUE(spoiled(repetition_penalty, bad, {"inputs.repetition_penalty[1] is"}));
  }
  EXPECT_TRUE(spoiled(repetition_penalty, 0, {"inputs.repetition_penalty[1] is 0"}));
  EXPECT_TRUE(spoiled(top_p, 1.5f, {"inputs.top_p[1] is 1.5"}));
  top_k.values()[0] = -1;
  EXPECT_TRUE(invalid({"inputs.top_k[0] is -1"}));
}

TEST_F(NativeSampling, a_history_outside_of_the_vocabulary_or_of_its_rows_is_refused) {
  history.values()[2] = 4;
  EXPECT_TRUE(invalid({"inputs.history[2] is 4", "[0, 3]"}));
  history.values()[2] = 3;
  history_offsets.values() = {0, 2, 4};
  EXPECT_TRUE(invalid({"inputs.history_offsets[2] is 4", "[2, 3]"}));
  history_offsets.values() = {0, 2, 1};
  EXPECT_TRUE(invalid({"inputs.history_offsets[2] is 1"}));
  history_offsets.values() = {-1, 2, 3};
  EXPECT_TRUE(invalid({"inputs.history_offsets[0] is -1"}));
}

TEST_F(NativeSampling, a_missing_small_or_misaligned_workspace_is_refused) {
  const auto with = [&](void* memory, size_t size) {
    return rlkd_sampling(nullptr, &inputs, tokens, logprob, memory, size);
  };
  EXPECT_TRUE(refused(with(nullptr, bytes), RLKD_INVALID_ARGUMENT, {"workspace is NULL"}));
  EXPECT_TRUE(refused(with(workspace, 1), RLKD_INVALID_ARGUMENT, {"workspace_bytes is 1"}));
  EXPECT_TRUE(refused(with(workspace + 8, bytes), RLKD_INVALID_ARGUMENT, {"workspace is at", "64"}));
}

TEST_F(NativeSampling, missing_inputs_are_refused_by_name) {
  EXPECT_TRUE(refused(rlkd_sampling(nullptr, nullptr, tokens, logprob, workspace, bytes),
                      RLKD_INVALID_ARGUMENT, {"inputs is NULL"}));
  inputs.seed = nullptr;
  EXPECT_TRUE(invalid({"inputs.seed is NULL"}));
  EXPECT_TRUE(
      refused(rlkd_sampling_workspace_size(nullptr, -1, 4, &bytes), RLKD_INVALID_ARGUMENT, {"rows is -1"}));
  EXPECT_TRUE(
      refused(rlkd_sampling_workspace_size(nullptr, 2, 0, &bytes), RLKD_INVALID_ARGUMENT, {"vocab is 0"}));
  EXPECT_TRUE(refused(rlkd_sampling_workspace_size(nullptr, 2, 4, nullptr), RLKD_INVALID_ARGUMENT,
                      {"bytes is NULL"}));
}

}  // namespace
}  // namespace rlkd::native::test
