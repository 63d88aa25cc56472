/* logprob through the C interface: its own argument checks, and the backends behind it. */
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensors.h"
#include "test/support/compare.h"

namespace rlkd::native::test {
namespace {

using kernels::test::all_close;

class NativeLogprob : public ::testing::Test {
 protected:
  rlkd_status forward(float temperature = 1) {
    return rlkd_logprob_forward(&context, logits, tokens, temperature, logprob, entropy, logsumexp, nullptr,
                                0);
  }
  rlkd_status backward(rlkd_tensor* with_entropy, rlkd_tensor* with_dentropy) {
    return rlkd_logprob_backward(&context, logits, tokens, 1, logsumexp, with_entropy, dlogprob,
                                 with_dentropy);
  }

  rlkd_context context{RLKD_BACKEND_CPU, 0, nullptr};
  Tensor<float> logits{{2, 3}, {0, std::log(2.0f), std::log(7.0f), 5, 5, 5}};
  Tensor<int64_t> tokens{{2}, {1, 2}};
  Tensor<float> logprob{{2}, {0, 0}}, entropy{{2}, {0, 0}}, logsumexp{{2}, {0, 0}};
  Tensor<float> dlogprob{{2}, {1, 0}}, dentropy{{2}, {0, 0}};
};

TEST_F(NativeLogprob, every_backend_gives_the_textbook_values) {
  for (const rlkd_backend backend : host_backends()) {
    context.backend = backend;
    logits.values() = {0, std::log(2.0f), std::log(7.0f), 5, 5, 5};
    ASSERT_TRUE(ok(forward()));
    EXPECT_TRUE(
        all_close(logprob.values(), std::vector<double>{std::log(0.2), -std::log(3.0)}, 2, {1e-6, 0}));
    ASSERT_TRUE(ok(backward(entropy, dentropy)));
    EXPECT_TRUE(all_close(logits.values(), std::vector<double>{-0.1, 0.8, -0.7, 0, 0, 0}, 6, {1e-6, 0}));
  }
}

TEST_F(NativeLogprob, a_token_outside_of_the_vocabulary_is_refused_by_place) {
  for (const int64_t token : {int64_t{3}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    tokens.values()[1] = token;
    const std::string found = "tokens[1] is " + std::to_string(token);
    EXPECT_TRUE(refused(forward(), RLKD_INVALID_ARGUMENT, {found.c_str(), "[0, 2]"}));
    EXPECT_TRUE(refused(backward(nullptr, nullptr), RLKD_INVALID_ARGUMENT, {found.c_str(), "[0, 2]"}));
  }
}

TEST_F(NativeLogprob, a_temperature_that_is_not_positive_and_finite_is_refused) {
  for (const float temperature : {0.0f, -1.0f, NAN, INFINITY, 1e-45f}) {
    EXPECT_TRUE(refused(forward(temperature), RLKD_INVALID_ARGUMENT, {"temperature is"})) << temperature;
  }
  EXPECT_TRUE(ok(forward(1e-30f)));
}

TEST_F(NativeLogprob, an_empty_vocabulary_is_refused) {
  logits.shape()[1] = 0;
  EXPECT_TRUE(refused(forward(), RLKD_INVALID_ARGUMENT, {"logits.shape[1] is 0"}));
}

TEST_F(NativeLogprob, a_vocabulary_of_several_blocks_needs_the_workspace_that_the_query_names) {
  constexpr int64_t vocab = 40000;
  Tensor<float> row{{1, vocab}, std::vector<float>(vocab, 0)};
  Tensor<int64_t> token{{1}, {vocab - 1}};
  Tensor<float> a{{1}, {0}}, b{{1}, {0}}, c{{1}, {0}};
  for (const rlkd_backend backend : host_backends()) {
    context.backend = backend;
    size_t bytes = 1;
    ASSERT_TRUE(ok(rlkd_logprob_forward_workspace_size(&context, 1, vocab, &bytes)));
    EXPECT_EQ(bytes > 0, backend == RLKD_BACKEND_EMULATED);
    if (bytes > 0) {
      EXPECT_TRUE(refused(rlkd_logprob_forward(&context, row, token, 1, a, b, c, nullptr, 0),
                          RLKD_INVALID_ARGUMENT, {"workspace is NULL"}));
    }
    alignas(64) unsigned char workspace[1024];
    ASSERT_LE(bytes, sizeof workspace);
    ASSERT_TRUE(ok(rlkd_logprob_forward(&context, row, token, 1, a, b, c, workspace, bytes)));
    EXPECT_TRUE(kernels::test::close(a.values()[0], -std::log(double{vocab}), {1e-5, 0}));
  }
}

TEST_F(NativeLogprob, half_precision_logits_are_for_device_backends) {
  std::vector<uint16_t> bits{0, 0x3F80, 0x4000, 0, 0, 0};  // bfloat16 0, 1, 2; 0, 0, 0
  logits.tensor.data = bits.data();
  logits.tensor.dtype = {RLKD_DTYPE_BFLOAT, 16, 1};
  for (const rlkd_backend backend : host_backends()) {
    context.backend = backend;
    if (backend == RLKD_BACKEND_EMULATED) {
      ASSERT_TRUE(ok(forward()));
      const double total = 1 + std::exp(1.0) + std::exp(2.0);
      EXPECT_TRUE(all_close(logprob.values(), std::vector<double>{1 - std::log(total), -std::log(3.0)}, 2,
                            {1e-6, 0}));
    } else {
      EXPECT_TRUE(
          refused(forward(), RLKD_INVALID_ARGUMENT, {"logits has dtype bfloat16", "expected float32"}));
    }
  }
}

TEST_F(NativeLogprob, dentropy_needs_entropy) {
  EXPECT_TRUE(refused(backward(nullptr, dentropy), RLKD_INVALID_ARGUMENT, {"entropy is NULL", "dentropy"}));
  EXPECT_TRUE(ok(backward(nullptr, nullptr)));
}

}  // namespace
}  // namespace rlkd::native::test
