/* rmsnorm through the C interface: optional tensors, tensors in place, and the checks. */
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tensors.h"

namespace rlkd::native::test {
namespace {

struct Call {
  Tensor<float> input{{2, 2}, {1, -1, 6, 8}};
  Tensor<float> residual{{2, 2}, {2, -3, 0, 0}};
  Tensor<float> weight{{2}, {1, 10}};
  Tensor<float> sum{{2, 2}, std::vector<float>(4, -1)};
  Tensor<float> output{{2, 2}, std::vector<float>(4, -1)};
  Tensor<float> inverse_rms{{2}, {-1, -1}};
  float epsilon = 0;

  rlkd_status forward(rlkd_backend backend = RLKD_BACKEND_CPU) {
    const rlkd_context context{backend, 0, nullptr};
    return rlkd_rmsnorm_forward(&context, input, residual, weight, epsilon, sum, output, inverse_rms);
  }
  rlkd_status forward_without_residual() {
    return rlkd_rmsnorm_forward(nullptr, input, nullptr, weight, epsilon, nullptr, output, nullptr);
  }
};

const float kRoot = std::sqrt(12.5f);  // of the mean square of 3, 4

TEST(NativeRmsnorm, a_sum_is_stored_and_normalised_on_every_backend) {
  for (const rlkd_backend backend : host_backends()) {
    Call call;
    ASSERT_TRUE(ok(call.forward(backend)));
    EXPECT_EQ(call.sum.values(), (std::vector<float>{3, -4, 6, 8}));
    EXPECT_NEAR(call.output.values()[1], -40 / kRoot, 1e-5);
    EXPECT_NEAR(call.inverse_rms.values()[1], 0.5f / kRoot, 1e-6);
  }
}

TEST(NativeRmsnorm, the_sum_may_be_the_memory_of_either_addend) {
  for (Tensor<float> Call::*addend : {&Call::input, &Call::residual}) {
    Call call;
    call.sum.tensor.data = (call.*addend).tensor.data;
    ASSERT_TRUE(ok(call.forward()));
    EXPECT_EQ((call.*addend).values(), (std::vector<float>{3, -4, 6, 8}));
    EXPECT_NEAR(call.output.values()[0], 3 / kRoot, 1e-6);
  }
}

TEST(NativeRmsnorm, residual_sum_and_inverse_rms_may_be_left_out) {
  Call call;
  ASSERT_TRUE(ok(call.forward_without_residual()));
  EXPECT_NEAR(call.output.values()[2], 3 / kRoot, 1e-6);
  EXPECT_TRUE(refused(
      rlkd_rmsnorm_forward(nullptr, call.input, call.residual, call.weight, 0, nullptr, call.output, nullptr),
      RLKD_INVALID_ARGUMENT, {"sum is NULL", "residual is not"}));
  EXPECT_TRUE(
      refused(rlkd_rmsnorm_forward(nullptr, nullptr, nullptr, call.weight, 0, nullptr, call.output, nullptr),
              RLKD_INVALID_ARGUMENT, {"input is NULL"}));
}

TEST(NativeRmsnorm, bad_arguments_are_refused_by_name) {
  Call narrow;
  narrow.weight.shape() = {1};
  EXPECT_TRUE(refused(narrow.forward(), RLKD_INVALID_ARGUMENT, {"weight", "1", "2"}));
  Call over;
  over.output.tensor.data = over.input.tensor.data;
  EXPECT_TRUE(refused(over.forward(), RLKD_INVALID_ARGUMENT, {"output", "input", "overlaps"}));
  Call shifted;  // in place means the same place
  shifted.sum.shape() = shifted.input.shape() = shifted.residual.shape() = shifted.output.shape() = {1, 2};
  shifted.inverse_rms.shape() = {1};
  shifted.sum.tensor.data = shifted.input.values().data() + 1;
  EXPECT_TRUE(refused(shifted.forward(), RLKD_INVALID_ARGUMENT, {"input", "sum", "overlaps"}));
  for (const float epsilon : {-1e-6f, NAN, INFINITY}) {
    Call bad;
    bad.epsilon = epsilon;
    EXPECT_TRUE(refused(bad.forward(), RLKD_INVALID_ARGUMENT, {"epsilon"}));
  }
  Call empty;
  empty.input.shape() = empty.residual.shape() = empty.sum.shape() = empty.output.shape() = {2, 0};
  EXPECT_TRUE(refused(empty.forward(), RLKD_INVALID_ARGUMENT, {"output.shape[1]", "0"}));
}

TEST(NativeRmsnorm, backward_gives_either_gradient_or_both) {
  Tensor<float> input{{1, 2}, {3, -4}}, weight{{2}, {1, 10}}, inverse_rms{{1}, {1 / kRoot}};
  Tensor<float> doutput{{1, 2}, {1, 0}}, dinput{{1, 2}, {-1, -1}}, dweight{{2}, {-1, -1}};
  for (const rlkd_backend backend : host_backends()) {
    const rlkd_context context{backend, 0, nullptr};
    alignas(64) unsigned char workspace[64];
    size_t bytes = 99;
    ASSERT_TRUE(ok(rlkd_rmsnorm_backward_workspace_size(&context, 1, 2, &bytes)));
    ASSERT_LE(bytes, sizeof workspace);
    dinput.values() = dweight.values() = {-1, -1};
    ASSERT_TRUE(ok(
        rlkd_rmsnorm_backward(&context, input, weight, inverse_rms, doutput, dinput, nullptr, nullptr, 0)));
    // r (1 - 3 * 3 / 25), r (0 + 4 * 3 / 25)
    EXPECT_NEAR(dinput.values()[0], 0.64f / kRoot, 1e-6);
    EXPECT_NEAR(dinput.values()[1], 0.48f / kRoot, 1e-6);
    EXPECT_EQ(dweight.values()[0], -1);
    ASSERT_TRUE(ok(rlkd_rmsnorm_backward(&context, input, weight, inverse_rms, doutput, nullptr, dweight,
                                         workspace, bytes)));
    EXPECT_NEAR(dweight.values()[0], 3 / kRoot, 1e-6);
    EXPECT_EQ(dweight.values()[1], 0);
    if (bytes > 0) {
      EXPECT_TRUE(refused(rlkd_rmsnorm_backward(&context, input, weight, inverse_rms, doutput, nullptr,
                                                dweight, workspace, bytes - 1),
                          RLKD_INVALID_ARGUMENT, {"workspace_bytes", "expected >= 8"}));
    }
  }
  EXPECT_TRUE(
      refused(rlkd_rmsnorm_backward(nullptr, input, weight, nullptr, doutput, dinput, dweight, nullptr, 0),
              RLKD_INVALID_ARGUMENT, {"inverse_rms is NULL"}));
}

}  // namespace
}  // namespace rlkd::native::test
