/* linear through the C interface: parts in columns of one matrix, and the checks. */
#include <gtest/gtest.h>

#include <vector>

#include "tensors.h"

namespace rlkd::native::test {
namespace {

// Two parts, of 2 and 1 outputs, whose outputs are columns of one [2, 3] matrix.
struct Call {
  Tensor<float> input{{2, 2}, {1, 2, 3, 4}};
  Tensor<float> first{{2, 2}, {1, 0, 0, 1}};
  Tensor<float> second{{1, 2}, {10, 1}};
  Tensor<float> bias{{1}, {0.5f}};
  std::vector<float> y = std::vector<float>(6, -1);
  Tensor<float> left{{2, 2}, {}};
  Tensor<float> right{{2, 1}, {}};
  rlkd_tensor weights[2];
  rlkd_tensor biases[2];
  rlkd_tensor outputs[2];

  Call() {
    left.set_strides({3, 1});
    right.set_strides({3, 1});
    left.tensor.data = y.data();
    right.tensor.data = y.data() + 2;
    weights[0] = first.tensor, weights[1] = second.tensor;
    biases[0] = {}, biases[1] = bias.tensor;
    outputs[0] = left.tensor, outputs[1] = right.tensor;
  }
  rlkd_status run(rlkd_backend backend = RLKD_BACKEND_CPU, int64_t count = 2, int32_t accumulate = 0) {
    const rlkd_context context{backend, 0, nullptr};
    return rlkd_linear(&context, input, weights, biases, outputs, count, accumulate);
  }
};

TEST(NativeLinear, parts_write_their_columns_on_cpu_and_reference) {
  for (const rlkd_backend backend : {RLKD_BACKEND_CPU, RLKD_BACKEND_REFERENCE}) {
    Call call;
    ASSERT_TRUE(ok(call.run(backend)));
    EXPECT_EQ(call.y, (std::vector<float>{1, 2, 12.5f, 3, 4, 34.5f}));
    ASSERT_TRUE(ok(call.run(backend, 1, 1)));
    EXPECT_EQ(call.y, (std::vector<float>{2, 4, 12.5f, 6, 8, 34.5f}));
  }
}

TEST(NativeLinear, no_biases_at_all_may_be_null) {
  Call call;
  ASSERT_TRUE(ok(rlkd_linear(nullptr, call.input, call.weights, nullptr, call.outputs, 2, 0)));
  EXPECT_EQ(call.y, (std::vector<float>{1, 2, 12, 3, 4, 34}));
}

TEST(NativeLinear, a_device_backend_says_what_to_use_instead) {
  if (!rlkd_backend_available(RLKD_BACKEND_EMULATED, nullptr)) GTEST_SKIP() << "no EMULATED in this library";
  Call call;
  EXPECT_TRUE(
      refused(call.run(RLKD_BACKEND_EMULATED), RLKD_UNSUPPORTED, {"device backend", "matrix product"}));
}

TEST(NativeLinear, shapes_that_do_not_fit_are_refused_by_name) {
  Call weight;
  weight.second.shape() = {1, 3};
  EXPECT_TRUE(refused(weight.run(), RLKD_INVALID_ARGUMENT, {"weights[1]", "input.shape[1]"}));
  Call bias;
  bias.bias.shape() = {2};
  EXPECT_TRUE(refused(bias.run(), RLKD_INVALID_ARGUMENT, {"biases[1]", "rows of the weight"}));
  Call output;
  output.left.shape() = {1, 2};
  EXPECT_TRUE(refused(output.run(), RLKD_INVALID_ARGUMENT, {"outputs[0]", "rows of input"}));
  Call count;
  EXPECT_TRUE(refused(count.run(RLKD_BACKEND_CPU, 0), RLKD_INVALID_ARGUMENT, {"count", "0"}));
  EXPECT_TRUE(refused(count.run(RLKD_BACKEND_CPU, 1, 2), RLKD_INVALID_ARGUMENT, {"accumulate", "2"}));
  Call in;
  in.input.shape() = {2, 0};
  EXPECT_TRUE(refused(in.run(), RLKD_INVALID_ARGUMENT, {"input.shape[1]"}));
}

TEST(NativeLinear, an_output_over_the_input_or_another_output_is_refused) {
  Call call;
  call.outputs[1].data = call.y.data() + 1;
  EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"outputs[0]", "outputs[1]", "overlaps"}));
  Call input;
  input.outputs[1].data = input.input.values().data();
  EXPECT_TRUE(refused(input.run(), RLKD_INVALID_ARGUMENT, {"input", "outputs[1]", "overlaps"}));
}

}  // namespace
}  // namespace rlkd::native::test
