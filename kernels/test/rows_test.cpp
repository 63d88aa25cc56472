#include "rlkd/kernels/rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels::test {
namespace {

struct Shape {
  const char* name;
  int64_t table;
  int64_t count;
  int64_t cols;
  int64_t gap;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

class RowsShapes : public ::testing::TestWithParam<Shape> {};

/** Numbers that tell every place of every row apart. */
void number(GuardedMatrix<float>& matrix) {
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    for (int64_t j = 0; j < matrix.cols(); ++j) matrix(i, j) = static_cast<float>(i * matrix.cols() + j + 1);
  }
}

TEST_P(RowsShapes, gather_takes_the_named_rows_some_of_them_twice) {
  const Shape& shape = GetParam();
  GuardedMatrix<float> table(shape.table, shape.cols, shape.gap);
  number(table);
  Random random(1);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < shape.count; ++i) indices.push_back(random.below(shape.table));
  GuardedMatrix<float> actual(shape.count, shape.cols, 3), expected(shape.count, shape.cols, 1);
  cpu::rows_gather(table.view(), {indices.data(), shape.count}, actual.view());
  reference::rows_gather(table.view(), {indices.data(), shape.count}, expected.view());
  for (int64_t i = 0; i < shape.count; ++i) {
    for (int64_t j = 0; j < shape.cols; ++j) {
      ASSERT_EQ(actual(i, j), table(indices[static_cast<size_t>(i)], j));
      ASSERT_EQ(expected(i, j), actual(i, j));
    }
  }
}

TEST_P(RowsShapes, scatter_writes_the_named_rows_and_no_other) {
  const Shape& shape = GetParam();
  const int64_t count = std::min(shape.count, shape.table);
  GuardedMatrix<float> input(count, shape.cols, 2);
  number(input);
  std::vector<int64_t> indices(static_cast<size_t>(shape.table));
  std::iota(indices.begin(), indices.end(), 0);
  std::reverse(indices.begin(), indices.end());
  for (const auto scatter : {cpu::rows_scatter, reference::rows_scatter}) {
    GuardedMatrix<float> output(shape.table, shape.cols, shape.gap, -1);
    scatter(input.view(), {indices.data(), count}, output.view());
    for (int64_t i = 0; i < shape.table; ++i) {
      const int64_t from = shape.table - 1 - i;
      for (int64_t j = 0; j < shape.cols; ++j) {
        ASSERT_EQ(output(i, j), from < count ? input(from, j) : -1) << i << ", " << j;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RowsShapes,
                         ::testing::Values(Shape{"no_indices", 3, 0, 5, 0}, Shape{"one_element", 1, 1, 1, 0},
                                           Shape{"keys_into_a_cache", 40, 7, 192, 0},
                                           Shape{"table_with_gaps_between_its_rows", 9, 5, 33, 4},
                                           Shape{"more_indices_than_rows", 2, 11, 6, 1}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace rlkd::kernels::test
