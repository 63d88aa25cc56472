#include "rlkd/kernels/logprob.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "cpu/vector/kernels.h"
#include "rlkd/kernels/cpu_features.h"
#include "test/support/compare.h"
#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Sums of float exponentials of about 1 ulp each, rounded to float at the end.
constexpr Tolerance kForward{2e-6, 3e-7};
// One float exponential and two products an element, relative to the largest gradient of the row (about
// dlogprob / T).
constexpr Tolerance kBackward{1e-6, 3e-6};

struct Case {
  const char* name;
  int64_t rows;
  int64_t vocab;
  int64_t gap = 0;     // elements between rows
  int64_t offset = 0;  // elements past a 64-byte boundary
  float temperature = 1;
  double deviation = 3;
  float masked = 0;  // fraction of -inf logits
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class LogprobTest : public ::testing::TestWithParam<Case> {
 protected:
  LogprobTest()
      : c_(GetParam()),
        random_(static_cast<uint64_t>(c_.rows * 1000003 + c_.vocab)),
        logits_(c_.rows, c_.vocab, c_.gap, 0, c_.offset),
        tokens_(c_.rows, 0) {
    for (int64_t i = 0; i < c_.rows; ++i) {
      tokens_[i] = random_.below(c_.vocab);
      for (int64_t j = 0; j < c_.vocab; ++j) {
        const bool masked = j != tokens_[i] && random_.uniform() < c_.masked;
        logits_(i, j) = masked ? -kInfinity : static_cast<float>(random_.normal(c_.deviation));
      }
    }
  }

  Case c_;
  Random random_;
  GuardedMatrix<float> logits_;
  Guarded<int64_t> tokens_;
};

TEST_P(LogprobTest, forward_agrees_with_the_reference) {
  Guarded<float> logprob(c_.rows), entropy(c_.rows), logsumexp(c_.rows);
  Guarded<float> logprob_ref(c_.rows), entropy_ref(c_.rows), logsumexp_ref(c_.rows);
  cpu::logprob_forward(logits_.view(), tokens_.view(), c_.temperature, logprob.view(), entropy.view(),
                       logsumexp.view());
  reference::logprob_forward(logits_.view(), tokens_.view(), c_.temperature, logprob_ref.view(),
                             entropy_ref.view(), logsumexp_ref.view());
  EXPECT_TRUE(all_close(logprob, logprob_ref, c_.rows, kForward));
  EXPECT_TRUE(all_close(logsumexp, logsumexp_ref, c_.rows, kForward));
  EXPECT_TRUE(all_close(entropy, entropy_ref, c_.rows, kForward));

  Guarded<float> without_entropy(c_.rows);
  cpu::logprob_forward(logits_.view(), tokens_.view(), c_.temperature, without_entropy.view(), {},
                       logsumexp.view());
  EXPECT_EQ(without_entropy.values(), logprob.values());
}

TEST_P(LogprobTest, backward_agrees_with_the_reference) {
  Guarded<float> logprob(c_.rows), entropy(c_.rows), logsumexp(c_.rows);
  Guarded<float> dlogprob(c_.rows), dentropy(c_.rows);
  reference::logprob_forward(logits_.view(), tokens_.view(), c_.temperature, logprob.view(), entropy.view(),
                             logsumexp.view());
  for (int64_t i = 0; i < c_.rows; ++i) {
    dlogprob[i] = static_cast<float>(random_.normal());
    dentropy[i] = static_cast<float>(random_.normal(0.1));
  }
  for (const bool with_entropy : {true, false}) {
    GuardedMatrix<float> fast(c_.rows, c_.vocab, c_.gap, 0, c_.offset);
    GuardedMatrix<float> expected(c_.rows, c_.vocab, c_.gap, 0);
    for (int64_t i = 0; i < c_.rows; ++i) {
      for (int64_t j = 0; j < c_.vocab; ++j) fast(i, j) = expected(i, j) = logits_(i, j);
    }
    const Vector<const float> h =
        with_entropy ? Vector<const float>{entropy.data(), c_.rows} : Vector<const float>{};
    const Vector<const float> dh =
        with_entropy ? Vector<const float>{dentropy.data(), c_.rows} : Vector<const float>{};
    const Vector<const float> lse{logsumexp.data(), c_.rows};
    const Vector<const float> dl{dlogprob.data(), c_.rows};
    cpu::logprob_backward(fast.view(), tokens_.view(), c_.temperature, lse, h, dl, dh);
    reference::logprob_backward(expected.view(), tokens_.view(), c_.temperature, lse, h, dl, dh);
    const Tolerance tolerance{kBackward.absolute / c_.temperature, kBackward.relative};
    for (int64_t i = 0; i < c_.rows; ++i) {
      EXPECT_TRUE(all_close(fast.view().row(i), expected.view().row(i), c_.vocab, tolerance)) << "row " << i;
    }
  }
}

// A device's expf errs by 2 units in the last place where the CPU's errs by 1.
constexpr Tolerance kDeviceForward{4e-6, 6e-7};

/** Rounding of a gradient to T, besides the float arithmetic. */
template <class T>
constexpr Tolerance rounding();
template <>
constexpr Tolerance rounding<float>() {
  return {0, 0};
}
template <>
constexpr Tolerance rounding<bfloat16>() {
  return {0, 0x1p-8};
}
template <>
constexpr Tolerance rounding<float16>() {
  return {0x1p-24, 0x1p-10};
}

template <class T>
void check_device(const Case& c, const GuardedMatrix<float>& logits, const Guarded<int64_t>& tokens) {
  Random random(3);
  GuardedMatrix<T> rounded(c.rows, c.vocab, c.gap, {}, c.offset);
  GuardedMatrix<float> exact(c.rows, c.vocab);
  for (int64_t i = 0; i < c.rows; ++i) {
    for (int64_t j = 0; j < c.vocab; ++j) {
      rounded(i, j) = round_to<T>(logits(i, j));
      exact(i, j) = to_float(rounded(i, j));
    }
  }
  Guarded<unsigned char> workspace(
      static_cast<int64_t>(cuda::logprob_forward_workspace_size(c.rows, c.vocab)));
  Guarded<float> logprob(c.rows), entropy(c.rows), logsumexp(c.rows);
  Guarded<float> logprob_ref(c.rows), entropy_ref(c.rows), logsumexp_ref(c.rows);
  ASSERT_TRUE(
      finished(cuda::logprob_forward<T>(rounded.view(), tokens.view(), c.temperature, logprob.view(),
                                        entropy.view(), logsumexp.view(), workspace.data(), nullptr)));
  reference::logprob_forward(exact.view(), tokens.view(), c.temperature, logprob_ref.view(),
                             entropy_ref.view(), logsumexp_ref.view());
  EXPECT_TRUE(all_close(logprob, logprob_ref, c.rows, kDeviceForward));
  EXPECT_TRUE(all_close(logsumexp, logsumexp_ref, c.rows, kDeviceForward));
  EXPECT_TRUE(all_close(entropy, entropy_ref, c.rows, kDeviceForward));

  Guarded<float> without_entropy(c.rows);
  ASSERT_TRUE(
      finished(cuda::logprob_forward<T>(rounded.view(), tokens.view(), c.temperature, without_entropy.view(),
                                        {}, logsumexp.view(), workspace.data(), nullptr)));
  EXPECT_EQ(without_entropy.values(), logprob.values());

  Guarded<float> dlogprob(c.rows), dentropy(c.rows);
  for (int64_t i = 0; i < c.rows; ++i) {
    dlogprob[i] = static_cast<float>(random.normal());
    dentropy[i] = static_cast<float>(random.normal(0.1));
  }
  for (const bool with_entropy : {true, false}) {
    GuardedMatrix<T> gradient(c.rows, c.vocab, c.gap, {}, c.offset);
    GuardedMatrix<float> expected(c.rows, c.vocab);
    for (int64_t i = 0; i < c.rows; ++i) {
      for (int64_t j = 0; j < c.vocab; ++j) {
        gradient(i, j) = rounded(i, j);
        expected(i, j) = exact(i, j);
      }
    }
    const Vector<const float> h =
        with_entropy ? Vector<const float>(entropy_ref.view()) : Vector<const float>{};
    const Vector<const float> dh =
        with_entropy ? Vector<const float>(dentropy.view()) : Vector<const float>{};
    ASSERT_TRUE(finished(cuda::logprob_backward<T>(gradient.view(), tokens.view(), c.temperature,
                                                   logsumexp_ref.view(), h, dlogprob.view(), dh, nullptr)));
    reference::logprob_backward(expected.view(), tokens.view(), c.temperature, logsumexp_ref.view(), h,
                                dlogprob.view(), dh);
    const Tolerance tolerance{2 * kBackward.absolute / c.temperature + rounding<T>().absolute,
                              2 * kBackward.relative + rounding<T>().relative};
    for (int64_t i = 0; i < c.rows; ++i) {
      for (int64_t j = 0; j < c.vocab; ++j) {
        ASSERT_TRUE(close(to_float(gradient(i, j)), expected(i, j), tolerance))
            << "row " << i << " logit " << j;
      }
    }
  }
}

TEST_P(LogprobTest, device_agrees_with_the_reference_float) {
  RLKD_REQUIRE_DEVICE();
  check_device<float>(c_, logits_, tokens_);
}

TEST_P(LogprobTest, device_agrees_with_the_reference_bfloat16) {
  RLKD_REQUIRE_DEVICE();
  check_device<bfloat16>(c_, logits_, tokens_);
}

TEST_P(LogprobTest, device_agrees_with_the_reference_float16) {
  RLKD_REQUIRE_DEVICE();
  check_device<float16>(c_, logits_, tokens_);
}

std::vector<Case> cases() {
  return {
      {"no_rows", 0, 5},
      {"one_token_vocab", 3, 1},
      {"vocab_below_every_vector", 4, 3},
      {"vocab_7", 5, 7, 1, 1},
      {"vocab_one_short_of_a_register", 3, 15, 0, 1},
      {"vocab_63_tail", 2, 63, 3, 3},
      {"vocab_64_no_tail", 2, 64},
      {"vocab_65_tail_of_one", 2, 65, 0, 1},
      {"vocab_one_over_a_block", 3, 1025, 7, 1},
      {"vocab_1000_temperature_0_7", 9, 1000, 0, 0, 0.7f},
      {"vocab_1000_temperature_3", 9, 1000, 24, 0, 3.0f},
      {"vocab_1000_low_temperature", 9, 1000, 0, 0, 0.01f},
      {"gpt2_vocab", 2, 50257, 5, 1, 0.9f},
      {"vocab_of_one_whole_chunk", 2, 16384},
      {"vocab_one_over_a_chunk", 2, 16385, 0, 3},
      {"rows_over_threads", 37, 2003, 1, 1},
      {"logits_of_scale_1e4", 8, 777, 0, 0, 1, 1e4},
      {"logits_of_scale_1e4_temperature_0_7", 8, 777, 0, 0, 0.7f, 1e4},
      {"logits_of_scale_1e4_temperature_1e4", 8, 777, 0, 0, 1e4f, 1e4},
      {"half_of_the_vocab_masked", 6, 1500, 0, 0, 1, 3, 0.5f},
      {"nearly_all_of_the_vocab_masked", 6, 5000, 2, 1, 0.8f, 3, 0.999f},
  };
}

INSTANTIATE_TEST_SUITE_P(Shapes, LogprobTest, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return std::string(test.param.name); });

using Forward = decltype(&cpu::logprob_forward);
using Backward = decltype(&cpu::logprob_backward);

struct Backend {
  const char* name;
  Forward forward;
  Backward backward;
};

void device_forward(Matrix<const float> logits, Vector<const int64_t> tokens, float temperature,
                    Vector<float> logprob, Vector<float> entropy, Vector<float> logsumexp) {
  Guarded<unsigned char> workspace(
      static_cast<int64_t>(cuda::logprob_forward_workspace_size(logits.rows, logits.cols)));
  EXPECT_TRUE(finished(cuda::logprob_forward<float>(logits, tokens, temperature, logprob, entropy, logsumexp,
                                                    workspace.data(), nullptr)));
}

void device_backward(Matrix<float> logits, Vector<const int64_t> tokens, float temperature,
                     Vector<const float> logsumexp, Vector<const float> entropy, Vector<const float> dlogprob,
                     Vector<const float> dentropy) {
  EXPECT_TRUE(finished(cuda::logprob_backward<float>(logits, tokens, temperature, logsumexp, entropy,
                                                     dlogprob, dentropy, nullptr)));
}

/** Contracts that hold for every backend, the reference included. */
class LogprobContract : public ::testing::TestWithParam<Backend> {
 protected:
  struct Result {
    float logprob = 0, entropy = 0, logsumexp = 0;
  };
  void SetUp() override {
    if (GetParam().forward == device_forward) RLKD_REQUIRE_DEVICE();
  }
  Result forward(const std::vector<float>& logits, int64_t token, float temperature = 1) {
    Guarded<float> row(logits), logprob(1), entropy(1), logsumexp(1);
    Guarded<int64_t> tokens(1, token);
    GetParam().forward({row.data(), 1, row.size(), 0}, tokens.view(), temperature, logprob.view(),
                       entropy.view(), logsumexp.view());
    return {logprob[0], entropy[0], logsumexp[0]};
  }
  std::vector<float> backward(const std::vector<float>& logits, int64_t token, float temperature,
                              float dlogprob, float dentropy) {
    const Result result = forward(logits, token, temperature);
    Guarded<float> row(logits), logsumexp(1, result.logsumexp), entropy(1, result.entropy);
    Guarded<float> dl(1, dlogprob), dh(1, dentropy);
    Guarded<int64_t> tokens(1, token);
    GetParam().backward({row.data(), 1, row.size(), 0}, tokens.view(), temperature, logsumexp.view(),
                        entropy.view(), dl.view(), dh.view());
    return row.values();
  }
};

TEST_P(LogprobContract, known_distribution_has_its_textbook_values) {
  // exp gives 1 : 2 : 7, so p = 0.1, 0.2, 0.7.
  const std::vector<float> logits{0, std::log(2.0f), std::log(7.0f)};
  const Result result = forward(logits, 1);
  EXPECT_TRUE(close(result.logprob, std::log(0.2), {1e-6, 0}));
  EXPECT_TRUE(close(result.logsumexp, std::log(10.0), {1e-6, 0}));
  EXPECT_TRUE(
      close(result.entropy, -(0.1 * std::log(0.1) + 0.2 * std::log(0.2) + 0.7 * std::log(0.7)), {1e-6, 0}));
  const std::vector<float> gradient = backward(logits, 1, 1, 2, 0);
  EXPECT_TRUE(all_close(gradient, std::vector<double>{-0.2, 1.6, -1.4}, 3, {1e-6, 0}));
}

TEST_P(LogprobContract, gradient_is_the_slope_of_the_forward_pass) {
  const float temperature = 0.8f, dlogprob = 1.25f, dentropy = -0.5f, step = 0.01f;
  const std::vector<float> logits{0.3f, -1.2f, 2.0f, 0.1f, -0.4f};
  const std::vector<float> gradient = backward(logits, 3, temperature, dlogprob, dentropy);
  for (size_t j = 0; j < logits.size(); ++j) {
    std::vector<float> up = logits, down = logits;
    up[j] += step;
    down[j] -= step;
    const Result above = forward(up, 3, temperature), below = forward(down, 3, temperature);
    const double slope = (dlogprob * (static_cast<double>(above.logprob) - below.logprob) +
                          dentropy * (static_cast<double>(above.entropy) - below.entropy)) /
                         (static_cast<double>(up[j]) - down[j]);
    EXPECT_TRUE(close(gradient[j], slope, {2e-4, 0})) << "logit " << j;
  }
}

TEST_P(LogprobContract, an_undefined_row_gives_nan) {
  for (const std::vector<float>& logits :
       {std::vector<float>{0, kNaN, 1}, std::vector<float>{0, kInfinity, 1},
        std::vector<float>{-kInfinity, -kInfinity, -kInfinity}}) {
    for (int64_t token = 0; token < 3; ++token) {
      const Result result = forward(logits, token);
      EXPECT_TRUE(std::isnan(result.logprob));
      EXPECT_TRUE(std::isnan(result.entropy));
      EXPECT_TRUE(std::isnan(result.logsumexp));
    }
    std::vector<float> last_of_two_blocks(2000, 0);
    last_of_two_blocks[1999] = logits[1];
    EXPECT_EQ(std::isnan(forward(last_of_two_blocks, 0).logprob), !(logits[1] == -kInfinity));
  }
}

TEST_P(LogprobContract, a_masked_token_has_probability_zero) {
  const std::vector<float> logits{-kInfinity, 1, 1};
  EXPECT_EQ(forward(logits, 0).logprob, -kInfinity);
  EXPECT_TRUE(close(forward(logits, 0).entropy, std::log(2.0), {1e-6, 0}));
  const std::vector<float> gradient = backward(logits, 1, 1, 1, 1);
  EXPECT_EQ(gradient[0], 0);
  EXPECT_TRUE(close(gradient[1], 0.5, {1e-6, 0}));
}

TEST_P(LogprobContract, masked_blocks_before_the_first_logit_count_nothing) {
  std::vector<float> logits(5000, -kInfinity);
  logits[4998] = 2;
  logits[4999] = 2;
  EXPECT_TRUE(close(forward(logits, 4999).logprob, std::log(0.5), {1e-6, 0}));
}

TEST_P(LogprobContract, a_row_without_incoming_gradient_becomes_exactly_zero) {
  for (const float poison : {kNaN, kInfinity, -kInfinity, 3.0f}) {
    const std::vector<float> gradient = backward(std::vector<float>(70, poison), 5, 1, 0, 0);
    for (const float g : gradient) EXPECT_EQ(g, 0);
  }
}

TEST_P(LogprobContract, huge_and_tiny_logits_stay_exact) {
  const float largest = std::numeric_limits<float>::max();
  EXPECT_EQ(forward({largest, -largest}, 0).logprob, 0);
  EXPECT_TRUE(close(forward({largest, largest}, 1).logprob, std::log(0.5), {1e-6, 0}));
  EXPECT_TRUE(close(forward({1e-40f, 0}, 1).logprob, std::log(0.5), {1e-6, 0}));
}

INSTANTIATE_TEST_SUITE_P(Backends, LogprobContract,
                         ::testing::Values(Backend{"cpu", cpu::logprob_forward, cpu::logprob_backward},
                                           Backend{"device", device_forward, device_backward},
                                           Backend{"reference", reference::logprob_forward,
                                                   reference::logprob_backward}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Logprob, a_rows_result_depends_on_nothing_but_the_row) {
  constexpr int64_t rows = 33, vocab = 4099;
  Random random(5);
  Matrix<const float> logits;
  std::vector<float> storage(rows * vocab);
  for (float& x : storage) x = static_cast<float>(random.normal(4));
  std::vector<int64_t> tokens(rows);
  for (int64_t& token : tokens) token = random.below(vocab);
  logits = {storage.data(), rows, vocab, vocab};

  const auto run = [&](int threads) {
    omp_set_num_threads(threads);
    std::vector<float> out(3 * rows, kNaN);
    cpu::logprob_forward(logits, {tokens.data(), rows}, 0.9f, {out.data(), rows}, {out.data() + rows, rows},
                         {out.data() + 2 * rows, rows});
    return out;
  };
  const std::vector<float> batch = run(2);
  EXPECT_EQ(batch, run(1));
  for (int64_t i = 0; i < rows; ++i) {
    float logprob = kNaN, entropy = kNaN, logsumexp = kNaN;
    cpu::logprob_forward({logits.row(i), 1, vocab, vocab}, {&tokens[static_cast<size_t>(i)], 1}, 0.9f,
                         {&logprob, 1}, {&entropy, 1}, {&logsumexp, 1});
    EXPECT_EQ(logprob, batch[static_cast<size_t>(i)]);
    EXPECT_EQ(entropy, batch[static_cast<size_t>(rows + i)]);
    EXPECT_EQ(logsumexp, batch[static_cast<size_t>(2 * rows + i)]);
  }
}

TEST(Logprob, device_rows_depend_on_nothing_but_the_row) {
  RLKD_REQUIRE_DEVICE();
  constexpr int64_t rows = 5, vocab = 20011;  // two chunks
  Random random(6);
  GuardedMatrix<float> logits(rows, vocab);
  Guarded<int64_t> tokens(rows);
  for (int64_t i = 0; i < rows; ++i) {
    tokens[i] = random.below(vocab);
    for (int64_t j = 0; j < vocab; ++j) logits(i, j) = static_cast<float>(random.normal(4));
  }
  Guarded<float> together(rows), alone(1), entropy(rows), logsumexp(rows);
  device_forward(logits.view(), tokens.view(), 0.9f, together.view(), entropy.view(), logsumexp.view());
  for (int64_t i = 0; i < rows; ++i) {
    device_forward({logits.view().row(i), 1, vocab, vocab}, {tokens.data() + i, 1}, 0.9f, alone.view(), {},
                   {logsumexp.data(), 1});
    EXPECT_EQ(alone[0], together[i]);
  }
}

TEST(Logprob, device_offsets_have_64_bits) {
  RLKD_REQUIRE_DEVICE();
  constexpr int64_t vocab = 9, stride = (int64_t{1} << 31) + 16;  // elements
  const SparseMemory memory(static_cast<size_t>(stride + vocab) * sizeof(float));
  const Matrix<float> logits{static_cast<float*>(memory.data()), 2, vocab, stride};
  for (int64_t j = 0; j < vocab; ++j) {
    logits(0, j) = 1;
    logits(1, j) = j == 4 ? 3 : 0;
  }
  Guarded<int64_t> tokens(2, 4);
  Guarded<float> logprob(2), entropy(2), logsumexp(2), dlogprob(2, 1);
  device_forward(logits, tokens.view(), 1, logprob.view(), entropy.view(), logsumexp.view());
  EXPECT_TRUE(close(logprob[0], -std::log(9.0), kDeviceForward));
  EXPECT_TRUE(close(logprob[1], 3 - std::log(8 + std::exp(3.0)), kDeviceForward));
  device_backward(logits, tokens.view(), 1, logsumexp.view(), {}, dlogprob.view(), {});
  EXPECT_TRUE(close(logits(1, 4), 1 - std::exp(3.0) / (8 + std::exp(3.0)), kBackward));
  EXPECT_TRUE(close(logits(1, 8), -1 / (8 + std::exp(3.0)), kBackward));
}

TEST(Logprob, float_exponentials_err_by_less_than_two_units_in_the_last_place) {
  // With logsumexp 0, temperature 1 and dlogprob -1 the backward row is exp(x) itself.
  std::vector<float> x;
  for (float value = 0; value > -87.3f; value -= 0.00137f) x.push_back(value);
  std::vector<float> e = x;
  cpu::vector_kernels().logprob_backward_row(e.data(), static_cast<int64_t>(e.size()), 1, 0, 0, -1, 0);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(static_cast<double>(x[i]));
    const double ulp =
        std::nextafter(static_cast<float>(exact), kInfinity) - static_cast<double>(static_cast<float>(exact));
    ASSERT_LT(std::abs(e[i] - exact), 2 * ulp) << "exp(" << x[i] << ")";
  }
  float below[] = {-87.4f, -104.0f, -1000.0f, -kInfinity, kNaN};
  cpu::vector_kernels().logprob_backward_row(below, 5, 1, 0, 0, -1, 0);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(below[i], 0);
  EXPECT_TRUE(std::isnan(below[4]));
}

TEST(Logprob, the_environment_can_lower_the_instruction_set) {
  const char* wanted = std::getenv("RLKD_CPU_FEATURES");
  if (wanted == nullptr) GTEST_SKIP() << "RLKD_CPU_FEATURES is not set";
#if defined(__x86_64__)
  if (std::string(wanted) == "avx2" && !__builtin_cpu_supports("avx2")) GTEST_SKIP() << "this CPU lacks avx2";
#endif
  EXPECT_STREQ(cpu::name(cpu::instruction_set()), wanted);
}

}  // namespace
}  // namespace rlkd::kernels::test
