#include "rlkd/kernels/decode_attention.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "test/support/compare.h"
#include "test/support/element_types.h"
#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels {
namespace {

using test::all_close;
using test::Exact;
using test::finished;
using test::Guarded;
using test::GuardedMatrix;
using test::poison;
using test::Random;
using test::rounding;
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
  std::vector<int64_t> group_offsets = {};  // of shared prefixes; empty: none
  std::vector<int64_t> prefix_lengths = {};
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }

/**
 * A cache in which every row has blocks of its own, in shuffled order, but for the blocks of its group's prefix;
 * unused places hold NaN.
 */
template <class T>
struct Case {
  Shape shape;
  int64_t rows;
  int64_t max_blocks;
  GuardedMatrix<T> query;
  Guarded<T> keys;
  Guarded<T> values;
  GuardedMatrix<int64_t> block_table;
  Guarded<int64_t> lengths;
  Guarded<int64_t> group_offsets;
  Guarded<int64_t> prefix_lengths;

  Case(const Shape& s, uint64_t seed, float spread = 1, bool aligned = false)
      : shape(s),
        rows(static_cast<int64_t>(s.lengths.size())),
        max_blocks(longest(s) / s.block_size + 1),
        query(rows, s.heads * s.head_dim, 3, {}, 1),
        keys(cache_size(), poison<T>(), aligned ? 0 : 1),
        values(cache_size(), poison<T>(), aligned ? 0 : 3),
        block_table(rows, max_blocks, 2, -1),
        lengths(s.lengths),
        group_offsets(s.group_offsets),
        prefix_lengths(s.prefix_lengths) {
    Random random(seed);
    std::vector<int64_t> blocks(static_cast<size_t>(rows * max_blocks));
    std::iota(blocks.begin(), blocks.end(), 0);
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937_64(seed));
    const auto normal = [&](double deviation) {
      return round_to<T>(static_cast<float>(random.normal(deviation)));
    };
    std::vector<bool> filled(static_cast<size_t>(cache_size()));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < query.cols(); ++i) query(r, i) = normal(spread);
      const auto [first, prefix] = prefix_of(r);
      for (int64_t t = 0; t < s.lengths[static_cast<size_t>(r)]; ++t) {
        const int64_t block = t / s.block_size;
        if (t % s.block_size == 0 && r != first && t < prefix) {
          block_table(r, block) = block_table(first, block);
        } else if (t % s.block_size == 0) {
          block_table(r, block) = blocks.back();
          blocks.pop_back();
        }
        if (filled[static_cast<size_t>(slot(r, t))]) continue;
        filled[static_cast<size_t>(slot(r, t))] = true;
        for (int64_t i = 0; i < s.kv_heads * s.head_dim; ++i) {
          keys[slot(r, t) + i] = normal(spread);
          values[slot(r, t) + i] = normal(1);
        }
      }
    }
  }

  static int64_t longest(const Shape& s) {
    return s.lengths.empty() ? 1 : *std::max_element(s.lengths.begin(), s.lengths.end());
  }

  int64_t cache_size() const {
    return rows * max_blocks * shape.block_size * shape.kv_heads * shape.head_dim;
  }

  /** The first row of the group and the length of its prefix. */
  std::pair<int64_t, int64_t> prefix_of(int64_t r) const {
    for (size_t g = 0; g < shape.prefix_lengths.size(); ++g) {
      if (shape.group_offsets[g] <= r && r < shape.group_offsets[g + 1]) {
        return {shape.group_offsets[g], shape.prefix_lengths[g]};
      }
    }
    return {r, 0};
  }

  int64_t slot(int64_t r, int64_t t) const {
    return (block_table(r, t / shape.block_size) * shape.block_size + t % shape.block_size) * shape.kv_heads *
           shape.head_dim;
  }

  DecodeAttention<T> inputs() const {
    SharedPrefixes prefixes;
    if (group_offsets.size() > 0) prefixes = {group_offsets.view(), prefix_lengths.view()};
    return {query.view(),   keys.view(),      values.view(),  block_table.view(),
            lengths.view(), shape.block_size, shape.kv_heads, shape.head_dim,
            0.3f,           prefixes};
  }

  /** What the reference gives for the same numbers. */
  void expect(Matrix<float> output) const {
    const Exact exact_query(query.view()), exact_keys(keys.view()), exact_values(values.view());
    const DecodeAttention<T> in = inputs();
    reference::decode_attention(
        {exact_query.matrix(), exact_keys.vector(), exact_values.vector(), in.block_table, in.lengths,
         in.block_size, in.kv_heads, in.head_dim, in.scale, in.prefixes},
        output);
  }
};

template <class T>
void device_attention(const DecodeAttention<T>& inputs, Matrix<T> output) {
  const int64_t heads = inputs.query.cols / inputs.head_dim;
  Guarded<unsigned char> workspace(static_cast<int64_t>(cuda::decode_attention_workspace_size(
      inputs.query.rows, heads, inputs.head_dim, inputs.block_table.cols * inputs.block_size)));
  EXPECT_TRUE(finished(cuda::decode_attention<T>(inputs, output, workspace.data(), nullptr)));
}

template <class T>
using Function = void (*)(const DecodeAttention<T>&, Matrix<T>);

template <class T>
void check(Function<T> attention, const Case<T>& c, Tolerance tolerance = kTolerance) {
  GuardedMatrix<float> expected(c.rows, c.query.cols());
  GuardedMatrix<T> actual(c.rows, c.query.cols(), 5);
  c.expect(expected.view());
  attention(c.inputs(), actual.view());
  EXPECT_TRUE(all_close<T>(actual.view(), expected.view(), tolerance + rounding<T>()));
}

/** Every type, with and without the alignment that packs need. */
void check_device(const Shape& shape) {
  for (const bool aligned : {true, false}) {
    check(device_attention<float>, Case<float>(shape, 7, 1, aligned));
    check(device_attention<bfloat16>, Case<bfloat16>(shape, 7, 1, aligned));
  }
  check(device_attention<float16>, Case<float16>(shape, 7, 1, true));
}

/** from, from + 1, ... */
std::vector<int64_t> consecutive(int64_t from, size_t count) {
  std::vector<int64_t> result(count);
  std::iota(result.begin(), result.end(), from);
  return result;
}

class DecodeAttentionShapes : public ::testing::TestWithParam<Shape> {};

TEST_P(DecodeAttentionShapes, agrees_with_the_reference) {
  check(cpu::decode_attention, Case<float>(GetParam(), 7));
}

TEST_P(DecodeAttentionShapes, device_agrees_with_the_reference) {
  RLKD_REQUIRE_DEVICE();
  check_device(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, DecodeAttentionShapes,
    ::testing::Values(Shape{"no_rows", 4, 2, 32, 16, {}}, Shape{"one_token", 4, 2, 32, 16, {1}},
                      Shape{"one_head_dimension", 2, 1, 1, 4, {5, 3}},
                      Shape{"head_dim_below_a_vector", 4, 2, 8, 16, {33, 1, 64}},
                      Shape{"head_dim_7", 4, 2, 7, 16, {33, 1, 64}},
                      Shape{"head_dim_not_multiple_of_vector", 6, 2, 24, 16, {40, 17}},
                      Shape{"head_dim_64", 14, 2, 64, 16, {65, 40}},
                      Shape{"head_dim_of_an_odd_number_of_vectors", 2, 2, 80, 16, {50}},
                      Shape{"head_dim_96", 2, 1, 96, 16, {50, 66}},
                      Shape{"head_dim_128", 4, 1, 128, 16, {50, 66}},
                      Shape{"head_dim_200", 2, 1, 200, 16, {50, 66}},
                      Shape{"largest_head_dim", 2, 1, 256, 16, {70, 3}},
                      Shape{"tile_boundaries", 3, 3, 16, 16, {31, 32, 33, 63, 64, 65}},
                      Shape{"piece_boundaries", 2, 1, 16, 16, {255, 256, 257, 513, 700}},
                      Shape{"block_size_not_dividing_the_tile", 4, 4, 32, 5, {1, 5, 6, 100}},
                      Shape{"block_larger_than_the_tile", 4, 1, 64, 48, {47, 48, 49, 130}},
                      Shape{"block_of_one", 2, 1, 16, 1, {40}},
                      Shape{"group_of_seven_in_one_task", 14, 2, 64, 16, {100, 20}},
                      Shape{"group_of_nine_split_over_tasks", 18, 2, 32, 16, {37, 70}},
                      Shape{"tasks_of_unequal_size", 9, 3, 64, 16, {200, 190, 5}},
                      Shape{"many_rows", 4, 1, 32, 16, std::vector<int64_t>(33, 61)}),
    [](const auto& shape_info) { return std::string(shape_info.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Prefixes, DecodeAttentionShapes,
    ::testing::Values(
        Shape{"a_group_of_two", 4, 2, 16, 16, {40, 37}, {0, 2}, {32}},
        Shape{"a_prefix_that_ends_in_a_block", 4, 2, 16, 16, {90, 37, 50}, {0, 3}, {37}},
        Shape{"a_prefix_of_several_pieces", 2, 1, 24, 16, {700, 520}, {0, 2}, {515}},
        Shape{"nothing_shared", 4, 2, 16, 16, {40, 37}, {0, 1, 2}, {0, 0}},
        Shape{"a_row_that_is_its_prefix", 4, 2, 16, 16, {32, 33}, {0, 2}, {32}},
        Shape{"completions_of_two_prompts_over_several_tasks",
              4,
              2,
              16,
              16,
              std::vector<int64_t>(24, 101),
              {0, 13, 24},
              {97, 40}},
        Shape{"tokens_of_a_prompt", 3, 1, 8, 16, consecutive(60, 20), {0, 20}, {60}},
        Shape{"an_empty_group", 4, 2, 16, 16, {40, 37, 20}, {0, 2, 2, 3}, {32, 50, 16}},
        Shape{"a_group_of_one", 4, 2, 80, 16, {100}, {0, 1}, {64}},
        Shape{"more_queries_than_a_block_has", 14, 2, 64, 16, std::vector<int64_t>(6, 50), {0, 6}, {48}},
        Shape{"largest_head_dim_shared", 18, 2, 256, 16, {40, 41, 42}, {0, 3}, {34}},
        Shape{"more_groups_than_threads", 2, 1, 8, 4, std::vector<int64_t>(70, 9),
              [] {
                std::vector<int64_t> offsets(71);
                std::iota(offsets.begin(), offsets.end(), 0);
                return offsets;
              }(),
              std::vector<int64_t>(70, 4)}),
    [](const auto& shape_info) { return std::string(shape_info.param.name); });

// The number of threads decides how many rows a task has.
TEST(DecodeAttention, rows_have_the_same_bits_walked_together_and_each_alone) {
  const Case<float> c({"", 6, 2, 40, 16, consecutive(150, 24), {0, 10, 24}, {140, 65}}, 5);
  const auto run = [&](int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    GuardedMatrix<float> output(c.rows, c.query.cols());
    cpu::decode_attention(c.inputs(), output.view());
    omp_set_num_threads(before);
    std::vector<float> values;
    for (int64_t r = 0; r < c.rows; ++r) {
      for (int64_t i = 0; i < c.query.cols(); ++i) values.push_back(output(r, i));
    }
    return values;
  };
  EXPECT_EQ(run(1), run(6));
}

/** What holds on every backend. */
struct Backend {
  const char* name;
  Function<float> attention;
};

class DecodeAttentionContract : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (GetParam().attention == device_attention<float>) RLKD_REQUIRE_DEVICE();
  }
};

TEST_P(DecodeAttentionContract, rows_that_share_blocks_read_the_same_keys_and_values) {
  Case<float> c({"shared", 4, 2, 32, 16, {40, 40}}, 3);
  for (int64_t i = 0; i < 3; ++i) c.block_table(1, i) = c.block_table(0, i);
  for (int64_t i = 0; i < c.query.cols(); ++i) c.query(1, i) = c.query(0, i);
  GuardedMatrix<float> output(2, c.query.cols());
  GetParam().attention(c.inputs(), output.view());
  for (int64_t i = 0; i < c.query.cols(); ++i) EXPECT_EQ(output(0, i), output(1, i));
}

TEST_P(DecodeAttentionContract, a_row_alone_gives_the_same_bits_as_in_a_batch) {
  const Case<float> c({"batch", 6, 2, 24, 16, {377, 300, 5, 33, 130}, {0, 2, 5}, {290, 0}}, 11);
  GuardedMatrix<float> together(c.rows, c.query.cols());
  GetParam().attention(c.inputs(), together.view());
  for (int64_t r = 0; r < c.rows; ++r) {
    DecodeAttention<float> alone = c.inputs();
    const Guarded<int64_t> group_offsets(std::vector<int64_t>{0, 1});
    const Guarded<int64_t> prefix_lengths(std::vector<int64_t>{c.prefix_of(r).second});
    alone.query = {alone.query.row(r), 1, alone.query.cols, alone.query.row_stride};
    alone.block_table = {alone.block_table.row(r), 1, alone.block_table.cols, alone.block_table.row_stride};
    alone.lengths = {alone.lengths.data + r, 1};
    alone.prefixes = {group_offsets.view(), prefix_lengths.view()};
    GuardedMatrix<float> output(1, c.query.cols());
    GetParam().attention(alone, output.view());
    for (int64_t i = 0; i < c.query.cols(); ++i) EXPECT_EQ(output(0, i), together(r, i)) << "row " << r;
  }
}

TEST_P(DecodeAttentionContract, large_scores_do_not_overflow) {
  // Scores reach several thousand: a softmax without the running maximum gives inf / inf. They carry a rounding
  // error of 1e-3, which is the relative error of the weights.
  const Tolerance tolerance{1e-2, 1e-2};
  check(GetParam().attention, Case<float>({"large", 2, 1, 64, 16, {90}}, 5, 40), tolerance);
  check(GetParam().attention, Case<float>({"large_prefix", 2, 1, 64, 16, {90, 80}, {0, 2}, {40}}, 5, 40),
        tolerance);
}

TEST_P(DecodeAttentionContract, a_nan_key_or_value_makes_the_heads_that_read_it_nan) {
  for (const bool key : {true, false}) {
    Case<float> c({"nan", 4, 2, 16, 16, {50, 50, 300}, {0, 1, 2, 3}, {0, 48, 280}}, 9);
    const int64_t place = c.slot(0, 35) + 16;  // row 0, key/value head 1
    (key ? c.keys : c.values)[place] = std::numeric_limits<float>::quiet_NaN();
    GuardedMatrix<float> output(3, c.query.cols());
    GetParam().attention(c.inputs(), output.view());
    for (int64_t i = 0; i < c.query.cols(); ++i) {
      // A NaN value is one dimension of the sum.
      EXPECT_EQ(std::isnan(output(0, i)), i >= 2 * 16 && (key || i % 16 == 0)) << i;
      EXPECT_FALSE(std::isnan(output(1, i))) << i;
      EXPECT_FALSE(std::isnan(output(2, i))) << i;
    }
  }
}

TEST_P(DecodeAttentionContract, a_nan_in_a_shared_prefix_reaches_every_row_of_the_group) {
  Case<float> c({"nan", 2, 1, 16, 16, {50, 50, 50}, {0, 2, 3}, {48, 32}}, 9);
  c.keys[c.slot(0, 20)] = std::numeric_limits<float>::quiet_NaN();
  GuardedMatrix<float> output(3, c.query.cols());
  GetParam().attention(c.inputs(), output.view());
  for (int64_t i = 0; i < c.query.cols(); ++i) {
    EXPECT_TRUE(std::isnan(output(0, i)) && std::isnan(output(1, i))) << i;
    EXPECT_FALSE(std::isnan(output(2, i))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, DecodeAttentionContract,
                         ::testing::Values(Backend{"cpu", cpu::decode_attention},
                                           Backend{"device", device_attention<float>}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace rlkd::kernels
