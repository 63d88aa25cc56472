/* adamw and grad_norm through the C interface: arrays of tensors and their checks. */
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tensors.h"

namespace rlkd::native::test {
namespace {

class NativeAdamw : public ::testing::Test {
 protected:
  rlkd_status step() {
    rlkd_tensor params[] = {param0.tensor, param1.tensor};
    rlkd_tensor grads[] = {grad0.tensor, grad1.tensor};
    rlkd_tensor exp_avg[] = {m0.tensor, m1.tensor};
    rlkd_tensor exp_avg_sq[] = {v0.tensor, v1.tensor};
    rlkd_tensor masters[] = {master0.tensor, master1.tensor};
    return rlkd_adamw(&context, params, with_masters ? masters : nullptr, grads, exp_avg, exp_avg_sq,
                      weight_decay, 2, &options, norm, &skipped);
  }
  ::testing::AssertionResult invalid(std::initializer_list<const char*> parts) {
    const ::testing::AssertionResult result = refused(step(), RLKD_INVALID_ARGUMENT, parts);
    EXPECT_EQ(param0.values(), (std::vector<float>{1, 1})) << "written although refused";
    return result;
  }

  rlkd_context context{RLKD_BACKEND_CPU, 0, nullptr};
  Tensor<float> param0{{2}, {1, 1}}, param1{{1, 3}, {1, 1, 1}};
  Tensor<float> grad0{{2}, {3, 0}}, grad1{{3, 1}, {0, -4, 0}};
  Tensor<float> m0{{2}, {0, 0}}, m1{{3}, {0, 0, 0}};
  Tensor<float> v0{{2}, {0, 0}}, v1{{3}, {0, 0, 0}};
  Tensor<float> norm{{1}, {5}};
  Tensor<float> master0{{2}, {1, 1}}, master1{{3}, {1, 1, 1}};
  bool with_masters = false;
  double weight_decay[2] = {0, 0.5};
  rlkd_adamw_options options{0.01, 0.9, 0.999, 1e-8, 1, 1};
  int32_t skipped = -1;
};

TEST_F(NativeAdamw, a_step_moves_each_parameter_by_the_learning_rate) {
  for (const rlkd_backend backend : host_backends()) {
    context.backend = backend;
    for (auto* tensor : {&m0, &m1, &v0, &v1})
      std::fill(tensor->values().begin(), tensor->values().end(), 0.0f);
    param0.values() = {1, 1};
    param1.values() = {1, 1, 1};
    ASSERT_TRUE(ok(step()));
    EXPECT_EQ(skipped, 0);
    EXPECT_NEAR(param0.values()[0], 0.99, 1e-6);
    EXPECT_EQ(param0.values()[1], 1);
    EXPECT_NEAR(param1.values()[0], 0.995, 1e-6);
    EXPECT_NEAR(param1.values()[1], 1.005, 1e-6);
  }
}

TEST_F(NativeAdamw, a_norm_that_is_not_finite_skips_the_step) {
  norm.values()[0] = NAN;
  for (const rlkd_backend backend : host_backends()) {
    context.backend = backend;
    skipped = -1;
    ASSERT_TRUE(ok(step()));
    EXPECT_EQ(skipped, 1);
    EXPECT_EQ(param0.values(), (std::vector<float>{1, 1}));
    EXPECT_EQ(m0.values(), (std::vector<float>{0, 0}));
  }
}

/** Memory of the size that the query names, 64-byte aligned. */
struct NormWorkspace {
  NormWorkspace(const rlkd_context& context, int64_t elements, int64_t count) {
    EXPECT_TRUE(ok(rlkd_grad_norm_workspace_size(&context, elements, count, &bytes)));
    EXPECT_LE(bytes, sizeof memory);
  }
  size_t bytes = 0;
  alignas(64) unsigned char memory[1024];
};

TEST_F(NativeAdamw, grad_norm_covers_every_tensor) {
  rlkd_tensor grads[] = {grad0.tensor, grad1.tensor};
  for (const rlkd_backend backend : host_backends()) {
    context.backend = backend;
    NormWorkspace workspace(context, 5, 2);
    EXPECT_EQ(workspace.bytes > 0, backend == RLKD_BACKEND_EMULATED);
    norm.values()[0] = -1;
    ASSERT_TRUE(ok(rlkd_grad_norm(&context, grads, 2, norm, workspace.memory, workspace.bytes)));
    EXPECT_EQ(norm.values()[0], 5);
    ASSERT_TRUE(ok(rlkd_grad_norm(&context, nullptr, 0, norm, workspace.memory, workspace.bytes)));
    EXPECT_EQ(norm.values()[0], 0);
    if (workspace.bytes == 0) continue;
    EXPECT_TRUE(refused(rlkd_grad_norm(&context, grads, 2, norm, nullptr, 0), RLKD_INVALID_ARGUMENT,
                        {"workspace is NULL"}));
    EXPECT_TRUE(refused(rlkd_grad_norm(&context, grads, 2, norm, workspace.memory, 8), RLKD_INVALID_ARGUMENT,
                        {"workspace_bytes is 8"}));
  }
  context.backend = RLKD_BACKEND_CPU;
  EXPECT_TRUE(refused(rlkd_grad_norm(&context, nullptr, 1, norm, nullptr, 0), RLKD_INVALID_ARGUMENT,
                      {"grads is NULL"}));
  EXPECT_TRUE(
      refused(rlkd_grad_norm(&context, grads, -1, norm, nullptr, 0), RLKD_INVALID_ARGUMENT, {"count is -1"}));
  EXPECT_TRUE(refused(rlkd_grad_norm(&context, grads, 2, nullptr, nullptr, 0), RLKD_INVALID_ARGUMENT,
                      {"norm is NULL"}));
}

/** Makes a tensor one of bfloat16 bits. */
void make_bfloat16(rlkd_tensor& tensor, std::vector<uint16_t>& bits) {
  tensor.data = bits.data();
  tensor.dtype = {RLKD_DTYPE_BFLOAT, 16, 1};
}

TEST_F(NativeAdamw, bfloat16_weights_with_masters_are_for_device_backends) {
  std::vector<uint16_t> bits0{0x3F80, 0x3F80}, bits1{0x3F80, 0x3F80, 0x3F80};  // 1 each
  make_bfloat16(param0.tensor, bits0);
  make_bfloat16(param1.tensor, bits1);
  with_masters = true;
  options.learning_rate = 0.001;
  for (const rlkd_backend backend : host_backends()) {
    context.backend = backend;
    if (backend != RLKD_BACKEND_EMULATED) {
      EXPECT_TRUE(refused(step(), RLKD_INVALID_ARGUMENT, {"masters is given", "float32 params"}));
      continue;
    }
    for (int i = 0; i < 4; ++i) {
      ++options.step;
      ASSERT_TRUE(ok(step()));
    }
    // The first update is below half a unit in the last place of 1, and is not lost.
    EXPECT_LT(master0.values()[0], 0.998f);
    EXPECT_GT(master0.values()[0], 0.99f);
    EXPECT_LT(bits0[0], 0x3F80);
    EXPECT_EQ(bits0[1], 0x3F80);
    with_masters = false;
    EXPECT_TRUE(refused(step(), RLKD_INVALID_ARGUMENT, {"masters is NULL"}));
    with_masters = true;
    std::vector<uint16_t> gradient{0, 0};
    make_bfloat16(grad0.tensor, gradient);
    EXPECT_TRUE(refused(step(), RLKD_INVALID_ARGUMENT, {"grads[1] has dtype float32", "expected bfloat16"}));
  }
}

TEST_F(NativeAdamw, masters_of_float_weights_are_refused) {
  with_masters = true;
  EXPECT_TRUE(invalid({"masters is given", "expected NULL"}));
}

TEST_F(NativeAdamw, a_tensor_of_another_size_is_refused_by_index) {
  m1.shape()[0] = 2;
  EXPECT_TRUE(invalid({"exp_avg[1] has 2 elements", "expected 3"}));
}

TEST_F(NativeAdamw, a_tensor_that_is_not_compact_is_refused) {
  grad1.set_strides({2, 1});
  EXPECT_TRUE(invalid({"grads[1].strides[0] is 2", "expected 1"}));
}

TEST_F(NativeAdamw, a_parameter_given_twice_is_refused) {
  param1.tensor.data = param0.values().data();
  param1.shape() = {2, 1};
  for (auto* tensor : {&grad1, &m1, &v1}) {
    tensor->shape() = {2};
    tensor->tensor.ndim = 1;
    tensor->tensor.shape = tensor->shape().data();
  }
  param1.tensor.shape = param1.shape().data();
  EXPECT_TRUE(invalid({"params[0]", "params[1]", "overlaps"}));
}

TEST_F(NativeAdamw, an_option_out_of_range_is_refused_by_name) {
  const rlkd_adamw_options good = options;
  const auto with = [&](double rlkd_adamw_options::*member, double value) {
    options = good;
    options.*member = value;
  };
  for (const double bad : {-0.1, 1.0, std::nan("")}) {
    with(&rlkd_adamw_options::beta1, bad);
    EXPECT_TRUE(invalid({"options.beta1 is"}));
    with(&rlkd_adamw_options::beta2, bad);
    EXPECT_TRUE(invalid({"options.beta2 is"}));
  }
  for (const double bad : {-0.1, std::nan(""), HUGE_VAL}) {
    with(&rlkd_adamw_options::learning_rate, bad);
    EXPECT_TRUE(invalid({"options.learning_rate is"}));
    with(&rlkd_adamw_options::epsilon, bad);
    EXPECT_TRUE(invalid({"options.epsilon is"}));
  }
  with(&rlkd_adamw_options::max_grad_norm, std::nan(""));
  EXPECT_TRUE(invalid({"options.max_grad_norm is nan"}));
  options = good;
  options.step = 0;
  EXPECT_TRUE(invalid({"options.step is 0"}));
  options = good;
  weight_decay[1] = -1;
  EXPECT_TRUE(invalid({"weight_decay[1] is -1"}));
}

TEST_F(NativeAdamw, missing_arrays_are_refused_by_name) {
  rlkd_tensor one[] = {param0.tensor};
  rlkd_tensor other[] = {grad0.tensor};
  EXPECT_TRUE(refused(
      rlkd_adamw(&context, nullptr, nullptr, other, other, other, weight_decay, 1, &options, norm, &skipped),
      RLKD_INVALID_ARGUMENT, {"params is NULL"}));
  EXPECT_TRUE(
      refused(rlkd_adamw(&context, one, nullptr, other, other, other, nullptr, 1, &options, norm, &skipped),
              RLKD_INVALID_ARGUMENT, {"weight_decay is NULL"}));
  EXPECT_TRUE(refused(
      rlkd_adamw(&context, one, nullptr, other, other, other, weight_decay, 1, nullptr, norm, &skipped),
      RLKD_INVALID_ARGUMENT, {"options is NULL"}));
  EXPECT_TRUE(refused(
      rlkd_adamw(&context, one, nullptr, other, other, other, weight_decay, 1, &options, norm, nullptr),
      RLKD_INVALID_ARGUMENT, {"skipped is NULL"}));
}

}  // namespace
}  // namespace rlkd::native::test
