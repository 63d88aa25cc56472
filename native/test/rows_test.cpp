/* rows through the C interface. */
#include <gtest/gtest.h>

#include <vector>

#include "tensors.h"

namespace rlkd::native::test {
namespace {

struct Call {
  Tensor<float> table{{3, 2}, {1, 2, 3, 4, 5, 6}};
  Tensor<int64_t> indices{{2}, {2, 0}};
  Tensor<float> rows{{2, 2}, {-1, -2, -3, -4}};

  rlkd_status gather(rlkd_backend backend = RLKD_BACKEND_CPU) {
    const rlkd_context context{backend, 0, nullptr};
    return rlkd_rows_gather(&context, table, indices, rows);
  }
  rlkd_status scatter(rlkd_backend backend = RLKD_BACKEND_CPU) {
    const rlkd_context context{backend, 0, nullptr};
    return rlkd_rows_scatter(&context, rows, indices, table);
  }
};

TEST(NativeRows, gather_and_scatter_move_the_named_rows_on_cpu_and_reference) {
  for (const rlkd_backend backend : {RLKD_BACKEND_CPU, RLKD_BACKEND_REFERENCE}) {
    Call gather;
    ASSERT_TRUE(ok(gather.gather(backend)));
    EXPECT_EQ(gather.rows.values(), (std::vector<float>{5, 6, 1, 2}));
    Call scatter;
    ASSERT_TRUE(ok(scatter.scatter(backend)));
    EXPECT_EQ(scatter.table.values(), (std::vector<float>{-3, -4, 3, 4, -1, -2}));
  }
}

TEST(NativeRows, an_index_outside_is_refused_before_anything_is_written) {
  Call gather;
  gather.indices.values()[1] = 3;
  EXPECT_TRUE(refused(gather.gather(), RLKD_INVALID_ARGUMENT, {"indices[1]", "3"}));
  EXPECT_EQ(gather.rows.values(), (std::vector<float>{-1, -2, -3, -4}));
  Call scatter;
  scatter.indices.values()[1] = -1;
  EXPECT_TRUE(refused(scatter.scatter(), RLKD_INVALID_ARGUMENT, {"indices[1]", "-1"}));
  EXPECT_EQ(scatter.table.values(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(NativeRows, shapes_that_do_not_fit_are_refused_by_name) {
  Call call;
  call.rows.shape() = {2, 1};
  EXPECT_TRUE(refused(call.gather(), RLKD_INVALID_ARGUMENT, {"output", "cols of input"}));
  EXPECT_TRUE(refused(call.scatter(), RLKD_INVALID_ARGUMENT, {"output", "cols of input"}));
  Call count;
  count.indices.shape() = {1};
  EXPECT_TRUE(refused(count.scatter(), RLKD_INVALID_ARGUMENT, {"input", "size of indices"}));
}

TEST(NativeRows, a_device_backend_says_what_to_use_instead) {
  if (!rlkd_backend_available(RLKD_BACKEND_EMULATED, nullptr)) GTEST_SKIP() << "no EMULATED in this library";
  Call call;
  EXPECT_TRUE(
      refused(call.gather(RLKD_BACKEND_EMULATED), RLKD_UNSUPPORTED, {"device backend", "index_select"}));
  EXPECT_TRUE(
      refused(call.scatter(RLKD_BACKEND_EMULATED), RLKD_UNSUPPORTED, {"device backend", "index_copy"}));
}

}  // namespace
}  // namespace rlkd::native::test
