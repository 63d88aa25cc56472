#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "rlkd.h"
#include "tensors.h"

namespace rlkd::native::test {
namespace {

// Two rows of two heads over one key/value head of width 4; blocks of 2 tokens, four of them.
struct Call {
  Tensor<float> query{{2, 8}, std::vector<float>(16, 1.0f)};
  Tensor<float> keys{{4, 2, 1, 4}, std::vector<float>(32, 0.5f)};
  Tensor<float> values{{4, 2, 1, 4}, std::vector<float>(32, 0.25f)};
  Tensor<int64_t> block_table{{2, 2}, {0, 1, 2, 99}};
  Tensor<int64_t> lengths{{2}, {3, 2}};
  Tensor<float> output{{2, 8}, std::vector<float>(16, -1.0f)};

  rlkd_status run(rlkd_backend backend = RLKD_BACKEND_CPU, float scale = 0.5f) {
    const rlkd_context context{backend, 0, nullptr};
    const rlkd_decode_attention_inputs inputs{query, keys, values, block_table, lengths};
    return rlkd_decode_attention(&context, &inputs, scale, output);
  }
};

TEST(DecodeAttention, equal_values_come_out_as_they_are_on_both_backends) {
  for (rlkd_backend backend : {RLKD_BACKEND_CPU, RLKD_BACKEND_REFERENCE}) {
    Call call;
    ASSERT_TRUE(ok(call.run(backend)));
    for (float value : call.output.values()) EXPECT_FLOAT_EQ(value, 0.25f);
  }
}

TEST(DecodeAttention, a_block_outside_the_cache_is_refused_before_anything_is_written) {
  Call call;
  call.lengths.values() = {3, 3};
  EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"block_table[1][1]", "99", "[0, 3]"}));
  for (float value : call.output.values()) EXPECT_EQ(value, -1.0f);
}

TEST(DecodeAttention, lengths_outside_the_table_are_refused) {
  for (int64_t length : {int64_t{0}, int64_t{-1}, int64_t{5}}) {
    Call call;
    call.lengths.values() = {3, length};
    EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"lengths[1]", "[1, 4]"}));
  }
}

TEST(DecodeAttention, shapes_that_do_not_fit_are_refused_by_name) {
  Call heads;
  heads.query.shape() = {2, 6};
  EXPECT_TRUE(refused(heads.run(), RLKD_INVALID_ARGUMENT, {"query.shape[1]", "multiple of", "4"}));
  Call caches;
  caches.values.shape() = {3, 2, 1, 4};
  EXPECT_TRUE(refused(caches.run(), RLKD_INVALID_ARGUMENT, {"value_cache", "24", "32"}));
  Call rank;
  rank.keys.tensor.ndim = 3;
  EXPECT_TRUE(refused(rank.run(), RLKD_INVALID_ARGUMENT, {"key_cache", "3 dimensions", "4"}));
  Call width;
  width.keys.shape() = {1, 1, 1, 257};
  EXPECT_TRUE(refused(width.run(), RLKD_INVALID_ARGUMENT, {"head_dim", "257", "256"}));
}

TEST(DecodeAttention, an_output_over_the_query_is_refused) {
  Call call;
  call.output.tensor.data = call.query.tensor.data;
  EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"output", "overlaps", "query"}));
}

}  // namespace
}  // namespace rlkd::native::test
