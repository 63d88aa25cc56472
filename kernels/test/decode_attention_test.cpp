#include "rlkd/kernels/decode_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "support/compare.h"
#include "support/guarded.h"
#include "support/random.h"

namespace rlkd::kernels {
namespace {

using test::all_close;
using test::Guarded;
using test::GuardedMatrix;
using test::Random;
using test::Tolerance;

// float32 against double over up to some hundred tokens of unit-normal values.
constexpr Tolerance kTolerance{5e-6, 5e-6};

struct Shape {
  const char* name;
  int64_t heads;
  int64_t kv_heads;
  int64_t head_dim;
  int64_t block_size;
  std::vector<int64_t> lengths;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }

// A cache in which every row has blocks of its own, in shuffled order; unused places hold NaN.
struct Case {
  Shape shape;
  int64_t rows;
  int64_t max_blocks;
  GuardedMatrix<float> query;
  Guarded<float> keys;
  Guarded<float> values;
  GuardedMatrix<int64_t> block_table;
  Guarded<int64_t> lengths;

  Case(const Shape& s, uint64_t seed, float spread = 1)
      : shape(s),
        rows(static_cast<int64_t>(s.lengths.size())),
        max_blocks(*std::max_element(s.lengths.begin(), s.lengths.end()) / s.block_size + 1),
        query(rows, s.heads * s.head_dim, 3, 0, 1),
        keys(cache_size(), std::numeric_limits<float>::quiet_NaN(), 1),
        values(cache_size(), std::numeric_limits<float>::quiet_NaN(), 3),
        block_table(rows, max_blocks, 2, -1),
        lengths(s.lengths) {
    Random random(seed);
    std::vector<int64_t> blocks(static_cast<size_t>(rows * max_blocks));
    std::iota(blocks.begin(), blocks.end(), 0);
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937_64(seed));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < query.cols(); ++i) query(r, i) = static_cast<float>(random.normal(spread));
      for (int64_t t = 0; t < s.lengths[static_cast<size_t>(r)]; ++t) {
        if (t % s.block_size == 0) {
          block_table(r, t / s.block_size) = blocks.back();
          blocks.pop_back();
        }
        for (int64_t i = 0; i < s.kv_heads * s.head_dim; ++i) {
          keys[slot(r, t) + i] = static_cast<float>(random.normal(spread));
          values[slot(r, t) + i] = static_cast<float>(random.normal());
        }
      }
    }
  }

  int64_t cache_size() const {
    return rows * max_blocks * shape.block_size * shape.kv_heads * shape.head_dim;
  }

  int64_t slot(int64_t r, int64_t t) const {
    return (block_table(r, t / shape.block_size) * shape.block_size + t % shape.block_size) * shape.kv_heads *
           shape.head_dim;
  }

  DecodeAttention inputs() const {
    return {query.view(),   keys.view(),
            values.view(),  block_table.view(),
            lengths.view(), shape.block_size,
            shape.kv_heads, shape.head_dim,
            0.3f,           {}};
  }
};

void expect_rows_equal(const GuardedMatrix<float>& actual, const GuardedMatrix<float>& expected) {
  for (int64_t r = 0; r < expected.rows(); ++r) {
    EXPECT_TRUE(all_close(actual.view().row(r), expected.view().row(r), expected.cols(), kTolerance))
        << "row " << r;
  }
}

class DecodeAttentionShapes : public ::testing::TestWithParam<Shape> {};

TEST_P(DecodeAttentionShapes, AgreesWithTheReference) {
  const Case c(GetParam(), 7);
  GuardedMatrix<float> expected(c.rows, c.query.cols(), 5);
  GuardedMatrix<float> actual(c.rows, c.query.cols(), 5);
  reference::decode_attention(c.inputs(), expected.view());
  cpu::decode_attention(c.inputs(), actual.view());
  expect_rows_equal(actual, expected);
}

INSTANTIATE_TEST_SUITE_P(
    Cpu, DecodeAttentionShapes,
    ::testing::Values(Shape{"one_token", 4, 2, 32, 16, {1}}, Shape{"one_head_dimension", 2, 1, 1, 4, {5, 3}},
                      Shape{"head_dim_below_a_vector", 4, 2, 8, 16, {33, 1, 64}},
                      Shape{"head_dim_not_multiple_of_vector", 6, 2, 24, 16, {40, 17}},
                      Shape{"head_dim_of_an_odd_number_of_vectors", 2, 2, 80, 16, {50}},
                      Shape{"largest_head_dim", 2, 1, 256, 16, {70, 3}},
                      Shape{"tile_boundaries", 3, 3, 16, 16, {31, 32, 33, 63, 64, 65}},
                      Shape{"block_size_not_dividing_the_tile", 4, 4, 32, 5, {1, 5, 6, 100}},
                      Shape{"block_larger_than_the_tile", 4, 1, 64, 48, {47, 48, 49, 130}},
                      Shape{"block_of_one", 2, 1, 16, 1, {40}},
                      Shape{"group_of_seven_in_one_task", 14, 2, 64, 16, {100, 20}},
                      Shape{"group_of_nine_split_over_tasks", 18, 2, 32, 16, {37, 70}},
                      Shape{"tasks_of_unequal_size", 9, 3, 64, 16, {200, 190, 5}},
                      Shape{"many_rows", 4, 1, 32, 16, std::vector<int64_t>(97, 61)}),
    [](const auto& shape_info) { return std::string(shape_info.param.name); });

TEST(DecodeAttention, RowsThatShareBlocksReadTheSameKeysAndValues) {
  Case c({"shared", 4, 2, 32, 16, {40, 40}}, 3);
  for (int64_t i = 0; i < 3; ++i) c.block_table(1, i) = c.block_table(0, i);
  for (int64_t i = 0; i < c.query.cols(); ++i) c.query(1, i) = c.query(0, i);
  GuardedMatrix<float> output(2, c.query.cols());
  cpu::decode_attention(c.inputs(), output.view());
  for (int64_t i = 0; i < c.query.cols(); ++i) EXPECT_EQ(output(0, i), output(1, i));
}

TEST(DecodeAttention, ARowAloneGivesTheSameBitsAsInABatch) {
  const Case c({"batch", 6, 2, 24, 16, {77, 5, 33, 130}}, 11);
  GuardedMatrix<float> together(c.rows, c.query.cols());
  cpu::decode_attention(c.inputs(), together.view());
  for (int64_t r = 0; r < c.rows; ++r) {
    DecodeAttention alone = c.inputs();
    alone.query = {alone.query.row(r), 1, alone.query.cols, alone.query.row_stride};
    alone.block_table = {alone.block_table.row(r), 1, alone.block_table.cols, alone.block_table.row_stride};
    alone.lengths = {alone.lengths.data + r, 1};
    GuardedMatrix<float> output(1, c.query.cols());
    cpu::decode_attention(alone, output.view());
    for (int64_t i = 0; i < c.query.cols(); ++i) EXPECT_EQ(output(0, i), together(r, i)) << "row " << r;
  }
}

TEST(DecodeAttention, LargeScoresDoNotOverflow) {
  // Scores reach several thousand: a softmax without the running maximum gives inf / inf.
  const Case c({"large", 2, 1, 64, 16, {90}}, 5, 40);
  GuardedMatrix<float> expected(1, c.query.cols());
  GuardedMatrix<float> actual(1, c.query.cols());
  reference::decode_attention(c.inputs(), expected.view());
  cpu::decode_attention(c.inputs(), actual.view());
  // Scores of 5,000 carry a rounding error of 1e-3, which is the relative error of the weights.
  EXPECT_TRUE(all_close(actual.view().row(0), expected.view().row(0), c.query.cols(), Tolerance{1e-2, 1e-2}));
}

TEST(DecodeAttention, ANanKeyMakesTheHeadsThatReadItNan) {
  Case c({"nan", 4, 2, 16, 16, {50, 50}}, 9);
  c.keys[c.slot(0, 35) + 16] = std::numeric_limits<float>::quiet_NaN();  // row 0, key/value head 1
  GuardedMatrix<float> output(2, c.query.cols());
  cpu::decode_attention(c.inputs(), output.view());
  for (int64_t i = 0; i < c.query.cols(); ++i) {
    EXPECT_EQ(std::isnan(output(0, i)), i >= 2 * 16) << i;
    EXPECT_FALSE(std::isnan(output(1, i))) << i;
  }
}

}  // namespace
}  // namespace rlkd::kernels
