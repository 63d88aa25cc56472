/* rope through the C interface: both directions, in place, and the checks. */
#include <gtest/gtest.h>

#include <vector>

#include "tensors.h"

namespace rlkd::native::test {
namespace {

// Two heads of width 2; position 1 turns by 90 degrees.
struct Call {
  Tensor<float> input{{2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}};
  Tensor<int64_t> positions{{2}, {0, 1}};
  Tensor<float> cosine{{2, 1}, {1, 0}};
  Tensor<float> sine{{2, 1}, {0, 1}};
  Tensor<float> output{{2, 4}, std::vector<float>(8, -1)};

  rlkd_status forward(rlkd_backend backend = RLKD_BACKEND_CPU) {
    const rlkd_context context{backend, 0, nullptr};
    return rlkd_rope_forward(&context, input, positions, cosine, sine, output);
  }
};

TEST(NativeRope, forward_turns_and_backward_turns_back_on_every_backend) {
  for (const rlkd_backend backend : host_backends()) {
    Call call;
    const rlkd_context context{backend, 0, nullptr};
    ASSERT_TRUE(ok(call.forward(backend)));
    EXPECT_EQ(call.output.values(), (std::vector<float>{1, 2, 3, 4, -6, 5, -8, 7}));
    ASSERT_TRUE(
        ok(rlkd_rope_backward(&context, call.output, call.positions, call.cosine, call.sine, call.output)));
    EXPECT_EQ(call.output.values(), call.input.values());
  }
}

TEST(NativeRope, a_position_outside_the_tables_is_refused_before_anything_is_written) {
  for (const int64_t position : {int64_t{-1}, int64_t{2}}) {
    Call call;
    call.positions.values()[1] = position;
    EXPECT_TRUE(refused(call.forward(), RLKD_INVALID_ARGUMENT, {"positions[1]", "[0, 1]"}));
    EXPECT_EQ(call.output.values(), std::vector<float>(8, -1));
  }
}

TEST(NativeRope, shapes_that_do_not_fit_are_refused_by_name) {
  Call heads;
  heads.input.shape() = heads.output.shape() = {2, 3};
  EXPECT_TRUE(refused(heads.forward(), RLKD_INVALID_ARGUMENT, {"output.shape[1] is 3", "multiple", "2"}));
  Call tables;
  tables.sine.shape() = {1, 1};
  EXPECT_TRUE(refused(tables.forward(), RLKD_INVALID_ARGUMENT, {"sine", "rows of cosine"}));
  Call count;
  count.positions.shape() = {1};
  EXPECT_TRUE(refused(count.forward(), RLKD_INVALID_ARGUMENT, {"positions", "1", "2"}));
  Call width;
  width.cosine.shape() = width.sine.shape() = {2, 0};
  EXPECT_TRUE(refused(width.forward(), RLKD_INVALID_ARGUMENT, {"cosine.shape[1]", "0"}));
}

TEST(NativeRope, an_output_shifted_over_the_input_is_refused) {
  Call call;
  call.output.tensor.data = call.input.values().data() + 2;
  call.output.shape() = call.input.shape() = {1, 4};
  call.positions.shape() = {1};
  EXPECT_TRUE(refused(call.forward(), RLKD_INVALID_ARGUMENT, {"input", "output", "overlaps"}));
}

}  // namespace
}  // namespace rlkd::native::test
