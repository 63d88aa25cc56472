#include <gtest/gtest.h>

#include <cstdint>
#include <string>
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
  alignas(64) unsigned char workspace[256];

  rlkd_status run(rlkd_backend backend = RLKD_BACKEND_CPU, float scale = 0.5f) {
    return run_with_prefixes(nullptr, nullptr, backend, scale);
  }
  rlkd_status run_with_prefixes(rlkd_tensor* group_offsets, rlkd_tensor* prefix_lengths,
                                rlkd_backend backend = RLKD_BACKEND_CPU, float scale = 0.5f) {
    const rlkd_context context{backend, 0, nullptr};
    const rlkd_decode_attention_inputs inputs{query,   keys,          values,        block_table,
                                              lengths, group_offsets, prefix_lengths};
    return rlkd_decode_attention(&context, &inputs, scale, output, workspace, sizeof workspace);
  }
};

TEST(DecodeAttention, equal_values_come_out_as_they_are_on_every_backend) {
  for (rlkd_backend backend : host_backends()) {
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

TEST(DecodeAttention, rows_that_start_with_the_same_blocks_may_say_so) {
  for (rlkd_backend backend : host_backends()) {
    Call call;
    call.block_table.values() = {0, 1, 0, 99};
    Tensor<int64_t> group_offsets{{2}, {0, 2}}, prefix_lengths{{1}, {2}};
    ASSERT_TRUE(ok(call.run_with_prefixes(group_offsets, prefix_lengths, backend)));
    for (float value : call.output.values()) EXPECT_FLOAT_EQ(value, 0.25f);
  }
}

TEST(DecodeAttention, the_workspace_is_what_the_query_says) {
  for (rlkd_backend backend : host_backends()) {
    const rlkd_context context{backend, 0, nullptr};
    size_t bytes = 99;
    ASSERT_TRUE(ok(rlkd_decode_attention_workspace_size(&context, 2, 2, 4, 4, &bytes)));
    EXPECT_EQ(bytes > 0, backend == RLKD_BACKEND_EMULATED);
    EXPECT_LE(bytes, sizeof(Call::workspace));
    if (bytes == 0) continue;
    Call call;
    const rlkd_decode_attention_inputs inputs{call.query,   call.keys, call.values, call.block_table,
                                              call.lengths, nullptr,   nullptr};
    EXPECT_TRUE(refused(rlkd_decode_attention(&context, &inputs, 1, call.output, call.workspace, bytes - 1),
                        RLKD_INVALID_ARGUMENT, {"workspace_bytes", std::to_string(bytes).c_str()}));
  }
  EXPECT_TRUE(refused(rlkd_decode_attention_workspace_size(nullptr, -1, 2, 4, 4, nullptr),
                      RLKD_INVALID_ARGUMENT, {"rows is -1"}));
}

TEST(DecodeAttention, prefixes_that_do_not_hold_are_refused_by_name) {
  const auto refused_with = [](std::vector<int64_t> offsets, std::vector<int64_t> prefixes,
                               std::initializer_list<const char*> parts) {
    Call call;
    Tensor<int64_t> group_offsets{{static_cast<int64_t>(offsets.size())}, offsets};
    Tensor<int64_t> prefix_lengths{{static_cast<int64_t>(prefixes.size())}, prefixes};
    return refused(call.run_with_prefixes(group_offsets, prefix_lengths), RLKD_INVALID_ARGUMENT, parts);
  };
  EXPECT_TRUE(refused_with({0, 2}, {1}, {"block_table[1][0] is 2", "expected 0", "row 0"}));
  EXPECT_TRUE(refused_with({0, 1, 2}, {0, 3}, {"prefix_lengths[1] is 3", "lengths[1] = 2"}));
  EXPECT_TRUE(refused_with({0, 2}, {-1}, {"prefix_lengths[0] is -1"}));
  EXPECT_TRUE(refused_with({1, 2}, {0}, {"group_offsets[0] is 1"}));
  EXPECT_TRUE(refused_with({0, 1}, {0}, {"group_offsets[1] is 1", "expected 2"}));
  EXPECT_TRUE(refused_with({0, 3}, {0}, {"group_offsets[1] is 3", "[0, 2]"}));
  EXPECT_TRUE(refused_with({0, 2, 1}, {0, 0}, {"group_offsets[2] is 1", "[2, 2]"}));
  EXPECT_TRUE(refused_with({0, 2}, {0, 0}, {"group_offsets", "2", "3"}));
  Call call;
  Tensor<int64_t> prefix_lengths{{1}, {0}};
  EXPECT_TRUE(refused(call.run_with_prefixes(nullptr, prefix_lengths), RLKD_INVALID_ARGUMENT,
                      {"group_offsets is NULL", "both or neither"}));
}

TEST(DecodeAttention, an_output_over_the_query_is_refused) {
  Call call;
  call.output.tensor.data = call.query.tensor.data;
  EXPECT_TRUE(refused(call.run(), RLKD_INVALID_ARGUMENT, {"output", "overlaps", "query"}));
}

}  // namespace
}  // namespace rlkd::native::test
