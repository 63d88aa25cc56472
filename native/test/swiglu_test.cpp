/* swiglu through the C interface: halves of one matrix, in place, and the checks. */
#include <gtest/gtest.h>

#include <vector>

#include "tensors.h"

namespace rlkd::native::test {
namespace {

// gate and up are the halves of a [2, 4] matrix.
struct Call {
  std::vector<float> halves{0, 1, 2, 3, 0, 1, 5, 7};
  Tensor<float> gate{{2, 2}, {}};
  Tensor<float> up{{2, 2}, {}};
  Tensor<float> output{{2, 2}, std::vector<float>(4, -1)};

  Call() {
    gate.tensor.data = halves.data();
    up.tensor.data = halves.data();
    up.tensor.byte_offset = 2 * sizeof(float);
    gate.set_strides({4, 1});
    up.set_strides({4, 1});
  }
  rlkd_status forward(rlkd_backend backend = RLKD_BACKEND_CPU) {
    const rlkd_context context{backend, 0, nullptr};
    return rlkd_swiglu_forward(&context, gate, up, output);
  }
};

constexpr float kSiluOfOne = 0.7310585786f;
constexpr float kSlopeOfOne = 0.9276705119f;

TEST(NativeSwiglu, halves_of_one_matrix_are_read_where_they_are_on_every_backend) {
  for (const rlkd_backend backend : host_backends()) {
    Call call;
    ASSERT_TRUE(ok(call.forward(backend)));
    EXPECT_EQ(call.output.values()[0], 0);
    EXPECT_NEAR(call.output.values()[1], 3 * kSiluOfOne, 1e-6);
    EXPECT_NEAR(call.output.values()[3], 7 * kSiluOfOne, 2e-6);
  }
}

TEST(NativeSwiglu, gradients_may_replace_gate_and_up) {
  Call call;
  Tensor<float> doutput{{2, 2}, {1, 1, 1, 2}};
  ASSERT_TRUE(ok(rlkd_swiglu_backward(nullptr, call.gate, call.up, doutput, call.gate, call.up)));
  const std::vector<float> expected{1,    3 * kSlopeOfOne,  0, kSiluOfOne,
                                    2.5f, 14 * kSlopeOfOne, 0, 2 * kSiluOfOne};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(call.halves[i], expected[i], 5e-6) << i;
}

TEST(NativeSwiglu, a_gradient_in_the_wrong_place_is_refused) {
  Call call;
  Tensor<float> doutput{{2, 2}, {1, 1, 1, 1}};
  EXPECT_TRUE(refused(rlkd_swiglu_backward(nullptr, call.gate, call.up, doutput, call.up, call.gate),
                      RLKD_INVALID_ARGUMENT, {"overlaps"}));
  EXPECT_TRUE(refused(rlkd_swiglu_backward(nullptr, call.gate, call.up, doutput, doutput, call.up),
                      RLKD_INVALID_ARGUMENT, {"doutput", "dgate", "overlaps"}));
}

TEST(NativeSwiglu, shapes_that_do_not_fit_are_refused_by_name) {
  Call call;
  call.up.shape() = {2, 1};
  EXPECT_TRUE(refused(call.forward(), RLKD_INVALID_ARGUMENT, {"up", "cols of gate"}));
  Call rows;
  rows.output.shape() = {1, 2};
  EXPECT_TRUE(refused(rows.forward(), RLKD_INVALID_ARGUMENT, {"output", "rows of gate"}));
}

}  // namespace
}  // namespace rlkd::native::test
