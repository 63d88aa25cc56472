/* linear_logprob through the C interface: its own argument checks, and the backends behind it. */
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <memory>

#include "tensors.h"
#include "test/support/compare.h"

namespace rlkd::native::test {
namespace {

using kernels::test::all_close;

/** Backends in host memory that implement it: all but the CPU. */
std::vector<rlkd_backend> backends() {
  std::vector<rlkd_backend> found;
  for (const rlkd_backend backend : host_backends()) {
    if (backend != RLKD_BACKEND_CPU) found.push_back(backend);
  }
  return found;
}

class NativeLinearLogprob : public ::testing::Test {
 protected:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  using Workspace = std::unique_ptr<void, Free>;
  static Workspace allocate(size_t bytes) {
    return Workspace(bytes == 0 ? nullptr : std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  }

  rlkd_status forward(float temperature = 1) {
    size_t bytes = 0;
    const rlkd_status status = rlkd_linear_logprob_forward_workspace_size(&context, 2, 3, &bytes);
    if (status != RLKD_OK) return status;
    const Workspace workspace = allocate(bytes);
    return rlkd_linear_logprob_forward(&context, hidden, weight, tokens, temperature, logprob, entropy,
                                       logsumexp, workspace.get(), bytes);
  }
  rlkd_status backward(rlkd_tensor* with_entropy, rlkd_tensor* with_dentropy, rlkd_tensor* to_hidden,
                       rlkd_tensor* to_weight, float skip_below = 0) {
    size_t bytes = 0;
    const rlkd_status status = rlkd_linear_logprob_backward_workspace_size(&context, 2, 3, 2, 4, &bytes);
    if (status != RLKD_OK) return status;
    const Workspace workspace = allocate(bytes);
    return rlkd_linear_logprob_backward(&context, hidden, weight, tokens, 1, logsumexp, with_entropy,
                                        dlogprob, with_dentropy, skip_below, to_hidden, to_weight,
                                        workspace.get(), bytes);
  }

  rlkd_context context{RLKD_BACKEND_REFERENCE, 0, nullptr};
  // Logits of row 0 are log 1, log 2, log 7, those of row 1 are equal.
  Tensor<float> hidden{{2, 2}, {1, 2, 0, 0}};
  Tensor<float> weight{{3, 2}, {2, -1, std::log(2.0f) - 1, 0.5f, std::log(7.0f) + 4, -2}};
  Tensor<int64_t> tokens{{2}, {1, 2}};
  Tensor<float> logprob{{2}, {0, 0}}, entropy{{2}, {0, 0}}, logsumexp{{2}, {0, 0}};
  Tensor<float> dlogprob{{2}, {2, 0}}, dentropy{{2}, {0, 0}};
  Tensor<float> dhidden{{2, 2}, {9, 9, 9, 9}}, dweight{{3, 2}, {0, 0, 0, 0, 0, 100}};
};

TEST_F(NativeLinearLogprob, every_backend_gives_the_textbook_values) {
  const auto w = weight.values();
  for (const rlkd_backend backend : backends()) {
    context.backend = backend;
    dweight.values() = {0, 0, 0, 0, 0, 100};
    ASSERT_TRUE(ok(forward()));
    EXPECT_TRUE(
        all_close(logprob.values(), std::vector<double>{std::log(0.2), -std::log(3.0)}, 2, {2e-6, 0}));
    ASSERT_TRUE(ok(backward(entropy, dentropy, dhidden, dweight)));
    const std::vector<double> dlogits{-0.2, 1.6, -1.4};
    std::vector<double> expected{0, 0, 0, 0};
    for (size_t j = 0; j < 3; ++j) {
      for (size_t k = 0; k < 2; ++k) expected[k] += dlogits[j] * w[2 * j + k];
    }
    EXPECT_TRUE(all_close(dhidden.values(), expected, 4, {1e-5, 0}));
    EXPECT_TRUE(
        all_close(dweight.values(), std::vector<double>{-0.2, -0.4, 1.6, 3.2, -1.4, 97.2}, 6, {1e-5, 0}));
    EXPECT_TRUE(ok(backward(nullptr, nullptr, dhidden, nullptr)));
    EXPECT_TRUE(ok(backward(nullptr, nullptr, nullptr, dweight)));
  }
}

TEST_F(NativeLinearLogprob, the_cpu_backend_says_what_does_it_there) {
  context.backend = RLKD_BACKEND_CPU;
  EXPECT_TRUE(refused(forward(), RLKD_UNSUPPORTED, {"backend CPU", "rlkd_logprob_forward", "LibTorch"}));
  EXPECT_TRUE(refused(backward(nullptr, nullptr, dhidden, dweight), RLKD_UNSUPPORTED, {"backend CPU"}));
  EXPECT_TRUE(refused(rlkd_linear_logprob_forward(&context, hidden, weight, tokens, 1, logprob, entropy,
                                                  logsumexp, nullptr, 0),
                      RLKD_UNSUPPORTED, {"backend CPU"}));
}

TEST_F(NativeLinearLogprob, shapes_that_do_not_match_are_refused_by_name) {
  weight.shape()[1] = 1;
  EXPECT_TRUE(refused(forward(), RLKD_INVALID_ARGUMENT, {"weight", "hidden.shape[1]"}));
  weight.shape()[1] = 2;
  dhidden.shape()[0] = 1;
  EXPECT_TRUE(
      refused(backward(nullptr, nullptr, dhidden, dweight), RLKD_INVALID_ARGUMENT, {"dhidden", "rows"}));
  dhidden.shape()[0] = 2;
  dweight.shape()[0] = 2;
  EXPECT_TRUE(
      refused(backward(nullptr, nullptr, dhidden, dweight), RLKD_INVALID_ARGUMENT, {"dweight", "vocab"}));
  weight.shape()[0] = 0;
  EXPECT_TRUE(refused(forward(), RLKD_INVALID_ARGUMENT, {"weight.shape[0] is 0"}));
}

TEST_F(NativeLinearLogprob, values_out_of_range_are_refused) {
  for (const float temperature : {0.0f, -1.0f, NAN, INFINITY}) {
    EXPECT_TRUE(refused(forward(temperature), RLKD_INVALID_ARGUMENT, {"temperature is"})) << temperature;
  }
  for (const float skip_below : {-1e-6f, 0.11f, NAN}) {
    EXPECT_TRUE(refused(backward(nullptr, nullptr, dhidden, dweight, skip_below), RLKD_INVALID_ARGUMENT,
                        {"skip_below is"}))
        << skip_below;
  }
  tokens.values()[1] = 3;
  EXPECT_TRUE(refused(forward(), RLKD_INVALID_ARGUMENT, {"tokens[1] is 3", "[0, 2]"}));
}

TEST_F(NativeLinearLogprob, gradients_need_somewhere_to_go_and_dentropy_needs_entropy) {
  EXPECT_TRUE(
      refused(backward(nullptr, nullptr, nullptr, nullptr), RLKD_INVALID_ARGUMENT, {"dhidden", "dweight"}));
  EXPECT_TRUE(
      refused(backward(nullptr, dentropy, dhidden, dweight), RLKD_INVALID_ARGUMENT, {"entropy is NULL"}));
}

TEST_F(NativeLinearLogprob, outputs_that_share_memory_are_refused) {
  dweight.tensor.data = weight.tensor.data;
  EXPECT_TRUE(
      refused(backward(nullptr, nullptr, dhidden, dweight), RLKD_INVALID_ARGUMENT, {"dweight", "weight"}));
}

TEST_F(NativeLinearLogprob, a_device_backend_needs_the_workspace_that_the_query_names) {
  for (const rlkd_backend backend : backends()) {
    context.backend = backend;
    size_t forward_bytes = 1, backward_bytes = 1;
    ASSERT_TRUE(ok(rlkd_linear_logprob_forward_workspace_size(&context, 2, 3, &forward_bytes)));
    ASSERT_TRUE(ok(rlkd_linear_logprob_backward_workspace_size(&context, 2, 3, 2, 4, &backward_bytes)));
    EXPECT_EQ(forward_bytes > 0, backend == RLKD_BACKEND_EMULATED);
    EXPECT_EQ(backward_bytes > 0, backend == RLKD_BACKEND_EMULATED);
    if (backend != RLKD_BACKEND_EMULATED) continue;
    EXPECT_TRUE(refused(rlkd_linear_logprob_forward(&context, hidden, weight, tokens, 1, logprob, entropy,
                                                    logsumexp, nullptr, 0),
                        RLKD_INVALID_ARGUMENT, {"workspace is NULL"}));
    const Workspace workspace = allocate(backward_bytes);
    EXPECT_TRUE(refused(
        rlkd_linear_logprob_backward(&context, hidden, weight, tokens, 1, logsumexp, nullptr, dlogprob,
                                     nullptr, 0, dhidden, dweight, workspace.get(), backward_bytes - 1),
        RLKD_INVALID_ARGUMENT, {"workspace"}));
  }
}

TEST_F(NativeLinearLogprob, half_precision_is_for_device_backends_and_one_type_for_both_operands) {
  std::vector<uint16_t> hidden_bits{0x3F80, 0x4000, 0, 0};        // bfloat16 1, 2; 0, 0
  std::vector<uint16_t> weight_bits{0, 0, 0x3F80, 0, 0, 0x3F80};  // 0, 0; 1, 0; 0, 1
  hidden.tensor.data = hidden_bits.data();
  hidden.tensor.dtype = {RLKD_DTYPE_BFLOAT, 16, 1};
  for (const rlkd_backend backend : backends()) {
    context.backend = backend;
    if (backend == RLKD_BACKEND_EMULATED) {
      EXPECT_TRUE(refused(forward(), RLKD_INVALID_ARGUMENT, {"weight has dtype float32", "bfloat16"}));
      rlkd_tensor half = weight.tensor;
      half.data = weight_bits.data();
      half.dtype = {RLKD_DTYPE_BFLOAT, 16, 1};
      std::swap(half, weight.tensor);
      ASSERT_TRUE(ok(forward()));
      const double total = 1 + std::exp(1.0) + std::exp(2.0);
      EXPECT_TRUE(all_close(logprob.values(), std::vector<double>{1 - std::log(total), -std::log(3.0)}, 2,
                            {1e-6, 0}));
      std::swap(half, weight.tensor);
    } else {
      EXPECT_TRUE(
          refused(forward(), RLKD_INVALID_ARGUMENT, {"hidden has dtype bfloat16", "expected float32"}));
    }
  }
}

}  // namespace
}  // namespace rlkd::native::test
