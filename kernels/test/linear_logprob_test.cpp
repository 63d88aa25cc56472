#include "rlkd/kernels/linear_logprob.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "rlkd/kernels/logprob.h"
#include "test/support/compare.h"
#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

using Forward = decltype(&reference::linear_logprob_forward);
using Backward = decltype(&reference::linear_logprob_backward);

void device_forward(Matrix<const float> hidden, Matrix<const float> weight, Vector<const int64_t> tokens,
                    float temperature, Vector<float> logprob, Vector<float> entropy,
                    Vector<float> logsumexp) {
  Guarded<unsigned char> workspace(
      static_cast<int64_t>(cuda::linear_logprob_forward_workspace_size(hidden.rows, weight.rows)));
  EXPECT_TRUE(finished(cuda::linear_logprob_forward<float>(hidden, weight, tokens, temperature, logprob,
                                                           entropy, logsumexp, workspace.data(), nullptr)));
}

void device_backward(Matrix<const float> hidden, Matrix<const float> weight, Vector<const int64_t> tokens,
                     float temperature, Vector<const float> logsumexp, Vector<const float> entropy,
                     Vector<const float> dlogprob, Vector<const float> dentropy, Matrix<float> dhidden,
                     Matrix<float> dweight) {
  Guarded<unsigned char> workspace(static_cast<int64_t>(
      cuda::linear_logprob_backward_workspace_size(hidden.rows, weight.rows, hidden.cols, sizeof(float))));
  EXPECT_TRUE(finished(cuda::linear_logprob_backward<float>(hidden, weight, tokens, temperature, logsumexp,
                                                            entropy, dlogprob, dentropy, 0, dhidden, dweight,
                                                            workspace.data(), nullptr)));
}

struct Backend {
  const char* name;
  Forward forward;
  Backward backward;
};

/** Contracts that hold for every backend, the reference included. Of one row unless said otherwise. */
class LinearLogprobContract : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (GetParam().forward == device_forward) RLKD_REQUIRE_DEVICE();
  }
  struct Result {
    float logprob = 0, entropy = 0, logsumexp = 0;
  };
  struct Gradient {
    std::vector<float> dhidden;
    std::vector<std::vector<float>> dweight;
  };
  using Rows = std::vector<std::vector<float>>;

  static void fill(GuardedMatrix<float>& matrix, const Rows& rows) {
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t j = 0; j < rows[i].size(); ++j) {
        matrix(static_cast<int64_t>(i), static_cast<int64_t>(j)) = rows[i][j];
      }
    }
  }
  Result forward(const std::vector<float>& hidden, const Rows& weight, int64_t token, float temperature = 1) {
    const auto width = static_cast<int64_t>(hidden.size());
    GuardedMatrix<float> x(1, width), w(static_cast<int64_t>(weight.size()), width);
    fill(x, {hidden});
    fill(w, weight);
    Guarded<int64_t> tokens(1, token);
    Guarded<float> logprob(1), entropy(1), logsumexp(1);
    GetParam().forward(x.view(), w.view(), tokens.view(), temperature, logprob.view(), entropy.view(),
                       logsumexp.view());
    return {logprob[0], entropy[0], logsumexp[0]};
  }
  /** dweight starts as `before` everywhere. */
  Gradient backward(const std::vector<float>& hidden, const Rows& weight, int64_t token, float temperature,
                    float dlogprob, float dentropy, float before = 0) {
    const Result result = forward(hidden, weight, token, temperature);
    const auto width = static_cast<int64_t>(hidden.size());
    const auto vocab = static_cast<int64_t>(weight.size());
    GuardedMatrix<float> x(1, width), w(vocab, width), dx(1, width), dw(vocab, width, 0, before);
    fill(x, {hidden});
    fill(w, weight);
    Guarded<int64_t> tokens(1, token);
    Guarded<float> logsumexp(1, result.logsumexp), entropy(1, result.entropy);
    Guarded<float> dl(1, dlogprob), dh(1, dentropy);
    GetParam().backward(x.view(), w.view(), tokens.view(), temperature, logsumexp.view(), entropy.view(),
                        dl.view(), dh.view(), dx.view(), dw.view());
    Gradient gradient;
    for (int64_t k = 0; k < width; ++k) gradient.dhidden.push_back(dx(0, k));
    for (int64_t j = 0; j < vocab; ++j)
      gradient.dweight.emplace_back(dw.view().row(j), dw.view().row(j) + width);
    return gradient;
  }
};

// With hidden (1, 2) the logits are log 1, log 2 and log 7, so p = 0.1, 0.2, 0.7.
const std::vector<float> kTextbookHidden{1, 2};
const std::vector<std::vector<float>> kTextbookWeight{
    {2, -1}, {std::log(2.0f) - 1, 0.5f}, {std::log(7.0f) + 4, -2}};

TEST_P(LinearLogprobContract, known_distribution_has_its_textbook_values) {
  const Result result = forward(kTextbookHidden, kTextbookWeight, 1);
  EXPECT_TRUE(close(result.logprob, std::log(0.2), {2e-6, 0}));
  EXPECT_TRUE(close(result.logsumexp, std::log(10.0), {2e-6, 0}));
  EXPECT_TRUE(
      close(result.entropy, -(0.1 * std::log(0.1) + 0.2 * std::log(0.2) + 0.7 * std::log(0.7)), {2e-6, 0}));
  // dlogits = 2 (onehot - p) = (-0.2, 1.6, -1.4).
  const Gradient gradient = backward(kTextbookHidden, kTextbookWeight, 1, 1, 2, 0, 100);
  for (size_t k = 0; k < 2; ++k) {
    const double expected =
        -0.2 * kTextbookWeight[0][k] + 1.6 * kTextbookWeight[1][k] - 1.4 * kTextbookWeight[2][k];
    EXPECT_TRUE(close(gradient.dhidden[k], expected, {2e-5, 0}));
    EXPECT_TRUE(close(gradient.dweight[0][k], 100 - 0.2 * kTextbookHidden[k], {2e-5, 0}));
    EXPECT_TRUE(close(gradient.dweight[1][k], 100 + 1.6 * kTextbookHidden[k], {2e-5, 0}));
    EXPECT_TRUE(close(gradient.dweight[2][k], 100 - 1.4 * kTextbookHidden[k], {2e-5, 0}));
  }
}

TEST_P(LinearLogprobContract, gradient_is_the_slope_of_the_forward_pass) {
  const float temperature = 0.8f, dlogprob = 1.25f, dentropy = -0.5f, step = 0.01f;
  const std::vector<float> hidden{0.3f, -1.2f, 2.0f};
  const Rows weight{{0.1f, -0.4f, 0.2f}, {1.5f, 0.3f, -0.6f}, {-0.2f, 0.9f, 0.4f}, {0.8f, -0.7f, 0.5f}};
  const Gradient gradient = backward(hidden, weight, 3, temperature, dlogprob, dentropy);
  const auto slope = [&](std::vector<float> up, Rows weight_up, std::vector<float> down, Rows weight_down,
                         double distance) {
    const Result above = forward(up, weight_up, 3, temperature);
    const Result below = forward(down, weight_down, 3, temperature);
    return (dlogprob * (static_cast<double>(above.logprob) - below.logprob) +
            dentropy * (static_cast<double>(above.entropy) - below.entropy)) /
           distance;
  };
  for (size_t k = 0; k < hidden.size(); ++k) {
    std::vector<float> up = hidden, down = hidden;
    up[k] += step;
    down[k] -= step;
    EXPECT_TRUE(close(gradient.dhidden[k],
                      slope(up, weight, down, weight, static_cast<double>(up[k]) - down[k]), {2e-4, 0}))
        << "hidden " << k;
    for (size_t j = 0; j < weight.size(); ++j) {
      Rows weight_up = weight, weight_down = weight;
      weight_up[j][k] += step;
      weight_down[j][k] -= step;
      EXPECT_TRUE(close(gradient.dweight[j][k],
                        slope(hidden, weight_up, hidden, weight_down,
                              static_cast<double>(weight_up[j][k]) - weight_down[j][k]),
                        {4e-4, 0}))
          << "weight " << j << ", " << k;
    }
  }
}

TEST_P(LinearLogprobContract, an_undefined_row_gives_nan) {
  for (const Rows& weight : {Rows{{0}, {kNaN}, {1}}, Rows{{0}, {kInfinity}, {1}},
                             Rows{{-kInfinity}, {-kInfinity}, {-kInfinity}}}) {
    for (int64_t token = 0; token < 3; ++token) {
      const Result result = forward({1}, weight, token);
      EXPECT_TRUE(std::isnan(result.logprob));
      EXPECT_TRUE(std::isnan(result.entropy));
      EXPECT_TRUE(std::isnan(result.logsumexp));
    }
  }
  EXPECT_TRUE(std::isnan(forward({kNaN}, {{1}, {2}}, 0).logprob));
}

TEST_P(LinearLogprobContract, a_logit_of_minus_infinity_has_probability_zero) {
  const Rows weight{{-kInfinity}, {0.5f}, {0.5f}};
  EXPECT_EQ(forward({2}, weight, 0).logprob, -kInfinity);
  EXPECT_TRUE(close(forward({2}, weight, 1).logprob, std::log(0.5), {1e-6, 0}));
  EXPECT_TRUE(close(forward({2}, weight, 1).entropy, std::log(2.0), {1e-6, 0}));
  const Gradient gradient = backward({2}, weight, 1, 1, 1, 1);
  EXPECT_EQ(gradient.dweight[0][0], 0);
  EXPECT_TRUE(close(gradient.dweight[1][0], 1, {1e-6, 0}));
  EXPECT_TRUE(std::isnan(gradient.dhidden[0]));  // 0 * inf
}

TEST_P(LinearLogprobContract, a_row_without_incoming_gradient_takes_no_part) {
  for (const float poison : {kNaN, kInfinity, -kInfinity, 3.0f}) {
    GuardedMatrix<float> hidden(2, 1), weight(2, 1), dhidden(2, 1), dweight(2, 1, 0, 7);
    fill(hidden, {{poison}, {2}});
    fill(weight, {{0}, {0.5f}});
    Guarded<int64_t> tokens(2, 1);
    Guarded<float> dlogprob(std::vector<float>{0, 1}), dentropy(std::vector<float>{0, 0});
    const float log_total = std::log(1 + std::exp(1.0f));
    Guarded<float> logsumexp(std::vector<float>{poison, log_total}), entropy(std::vector<float>{poison, 1});
    GetParam().backward(hidden.view(), weight.view(), tokens.view(), 1, logsumexp.view(), entropy.view(),
                        dlogprob.view(), dentropy.view(), dhidden.view(), dweight.view());
    const double p0 = 1 / (1 + std::exp(1.0));
    EXPECT_EQ(dhidden(0, 0), 0);
    EXPECT_TRUE(close(dhidden(1, 0), p0 * 0.5, {1e-6, 0}));
    EXPECT_TRUE(close(dweight(0, 0), 7 - p0 * 2, {2e-6, 0}));
    EXPECT_TRUE(close(dweight(1, 0), 7 + p0 * 2, {2e-6, 0}));
  }
}

TEST_P(LinearLogprobContract, a_vocabulary_of_one_token_is_certain) {
  const Result result = forward({3, -1}, {{2, 5}}, 0, 0.7f);
  EXPECT_EQ(result.logprob, 0);
  EXPECT_EQ(result.entropy, 0);
  EXPECT_TRUE(close(result.logsumexp, 1 / 0.7f, {0, 3e-7}));
  const Gradient gradient = backward({3, -1}, {{2, 5}}, 0, 0.7f, 1, 1);
  EXPECT_TRUE(close(gradient.dhidden[0], 0, {2e-6, 0}));
  EXPECT_TRUE(close(gradient.dweight[0][1], 0, {2e-6, 0}));
}

INSTANTIATE_TEST_SUITE_P(Backends, LinearLogprobContract,
                         ::testing::Values(Backend{"device", device_forward, device_backward},
                                           Backend{"reference", reference::linear_logprob_forward,
                                                   reference::linear_logprob_backward}),
                         [](const auto& test) { return std::string(test.param.name); });

struct Case {
  const char* name;
  int64_t rows;
  int64_t vocab;
  int64_t hidden;
  int64_t gap = 0;     // elements between rows
  int64_t offset = 0;  // elements past a 64-byte boundary
  float temperature = 1;
  bool with_entropy = true;  // whether the loss has a gradient by the entropy
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/** Rounding to T relative to the value, and what is lost besides. */
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

// Logits of these inputs are of magnitude 10, sums of up to 300 products: a tensor core that truncates every partial
// sum errs by 3e-5 at most, float additions by less.
constexpr double kLogitError = 3e-5;

/** Inputs of a case rounded to T, and the same numbers as float for the reference. */
template <class T>
struct Inputs {
  explicit Inputs(const Case& c, uint64_t seed = 1)
      : random(seed),
        hidden(c.rows, c.hidden, c.gap, {}, c.offset),
        weight(c.vocab, c.hidden, c.gap, {}, c.offset),
        hidden_exact(c.rows, c.hidden),
        weight_exact(c.vocab, c.hidden),
        tokens(c.rows),
        dlogprob(c.rows),
        dentropy(c.rows),
        logsumexp(c.rows),
        entropy(c.rows) {
    for (int64_t i = 0; i < c.rows; ++i) {
      for (int64_t k = 0; k < c.hidden; ++k) set_hidden(i, k, random.normal());
      tokens[i] = random.below(c.vocab);
      dlogprob[i] = static_cast<float>(random.normal());
      dentropy[i] = static_cast<float>(random.normal(0.1));
    }
    for (int64_t j = 0; j < c.vocab; ++j) {
      for (int64_t k = 0; k < c.hidden; ++k) {
        set_weight(j, k, random.normal(2 / std::sqrt(static_cast<double>(c.hidden))));
      }
    }
  }
  void set_hidden(int64_t i, int64_t k, double value) {
    hidden(i, k) = round_to<T>(static_cast<float>(value));
    hidden_exact(i, k) = to_float(hidden(i, k));
  }
  void set_weight(int64_t j, int64_t k, double value) {
    weight(j, k) = round_to<T>(static_cast<float>(value));
    weight_exact(j, k) = to_float(weight(j, k));
  }
  /** Fills logsumexp and entropy. */
  void reference_forward(float temperature, Vector<float> logprob) {
    reference::linear_logprob_forward(hidden_exact.view(), weight_exact.view(), tokens.view(), temperature,
                                      logprob, entropy.view(), logsumexp.view());
  }

  Random random;
  GuardedMatrix<T> hidden, weight;
  GuardedMatrix<float> hidden_exact, weight_exact;
  Guarded<int64_t> tokens;
  Guarded<float> dlogprob, dentropy, logsumexp, entropy;
};

struct Forwarded {
  explicit Forwarded(int64_t rows) : logprob(rows), entropy(rows), logsumexp(rows) {}
  Guarded<float> logprob, entropy, logsumexp;
};

template <class T>
void device_forward_of(Matrix<const T> hidden, const Inputs<T>& inputs, Vector<const int64_t> tokens,
                       float temperature, Forwarded& out) {
  Guarded<unsigned char> workspace(
      static_cast<int64_t>(cuda::linear_logprob_forward_workspace_size(hidden.rows, inputs.weight.rows())));
  ASSERT_TRUE(finished(cuda::linear_logprob_forward<T>(hidden, inputs.weight.view(), tokens, temperature,
                                                       out.logprob.view(), out.entropy.view(),
                                                       out.logsumexp.view(), workspace.data(), nullptr)));
}

template <class T>
void device_backward_of(const Inputs<T>& inputs, float temperature, bool with_entropy, float skip_below,
                        Matrix<T> dhidden, Matrix<float> dweight) {
  Guarded<unsigned char> workspace(static_cast<int64_t>(cuda::linear_logprob_backward_workspace_size(
      inputs.hidden.rows(), inputs.weight.rows(), inputs.hidden.cols(), sizeof(T))));
  const Vector<const float> entropy = with_entropy ? inputs.entropy.view() : Vector<const float>{};
  const Vector<const float> dentropy = with_entropy ? inputs.dentropy.view() : Vector<const float>{};
  ASSERT_TRUE(finished(cuda::linear_logprob_backward<T>(
      inputs.hidden.view(), inputs.weight.view(), inputs.tokens.view(), temperature, inputs.logsumexp.view(),
      entropy, inputs.dlogprob.view(), dentropy, skip_below, dhidden, dweight, workspace.data(), nullptr)));
}

template <class T>
void check_forward(const Case& c) {
  Inputs<T> inputs(c);
  Guarded<float> logprob(c.rows);
  inputs.reference_forward(c.temperature, logprob.view());
  Forwarded out(c.rows);
  device_forward_of<T>(inputs.hidden.view(), inputs, inputs.tokens.view(), c.temperature, out);
  const double logit_error = kLogitError / c.temperature;
  EXPECT_TRUE(all_close(out.logprob, logprob, c.rows, {2 * logit_error, 1e-6}));
  EXPECT_TRUE(all_close(out.logsumexp, inputs.logsumexp, c.rows, {logit_error, 1e-6}));
  // The entropy's slope by a logit is at most p |log p + entropy|.
  EXPECT_TRUE(all_close(out.entropy, inputs.entropy, c.rows,
                        {logit_error * (1 + std::log(static_cast<double>(c.vocab))), 1e-6}));
}

/** |dlogits|, by the kernel of the logits themselves. */
template <class T>
std::vector<std::vector<double>> gradient_magnitudes(const Inputs<T>& inputs, float temperature,
                                                     bool with_entropy) {
  const int64_t rows = inputs.hidden.rows(), vocab = inputs.weight.rows();
  GuardedMatrix<float> logits(rows, vocab);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < vocab; ++j) {
      double logit = 0;
      for (int64_t k = 0; k < inputs.hidden.cols(); ++k) {
        logit += static_cast<double>(inputs.hidden_exact(i, k)) * inputs.weight_exact(j, k);
      }
      logits(i, j) = static_cast<float>(logit);
    }
  }
  reference::logprob_backward(logits.view(), inputs.tokens.view(), temperature, inputs.logsumexp.view(),
                              with_entropy ? inputs.entropy.view() : Vector<const float>{},
                              inputs.dlogprob.view(),
                              with_entropy ? inputs.dentropy.view() : Vector<const float>{});
  std::vector<std::vector<double>> magnitudes(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < vocab; ++j) magnitudes[static_cast<size_t>(i)].push_back(std::abs(logits(i, j)));
  }
  return magnitudes;
}

template <class T>
void check_backward(const Case& c) {
  Inputs<T> inputs(c);
  Guarded<float> logprob(c.rows);
  inputs.reference_forward(c.temperature, logprob.view());
  constexpr float kBefore = 0.125f;  // dweight is added to
  GuardedMatrix<T> dhidden(c.rows, c.hidden, c.gap, poison<T>(), c.offset);
  GuardedMatrix<float> dweight(c.vocab, c.hidden, c.gap, kBefore, c.offset);
  GuardedMatrix<float> dhidden_ref(c.rows, c.hidden), dweight_ref(c.vocab, c.hidden, 0, kBefore);
  device_backward_of<T>(inputs, c.temperature, c.with_entropy, 0, dhidden.view(), dweight.view());
  reference::linear_logprob_backward(
      inputs.hidden_exact.view(), inputs.weight_exact.view(), inputs.tokens.view(), c.temperature,
      inputs.logsumexp.view(), c.with_entropy ? inputs.entropy.view() : Vector<const float>{},
      inputs.dlogprob.view(), c.with_entropy ? inputs.dentropy.view() : Vector<const float>{},
      dhidden_ref.view(), dweight_ref.view());

  // Each dlogit is off by its rounding to T and by a logit's error relative to itself; sums carry that over.
  const auto magnitudes = gradient_magnitudes(inputs, c.temperature, c.with_entropy);
  const double relative = rounding<T>().relative + 4 * kLogitError / c.temperature;
  const double floor = 1e-6 / c.temperature;  // of a dlogit that is a small difference of products
  for (int64_t i = 0; i < c.rows; ++i) {
    for (int64_t k = 0; k < c.hidden; ++k) {
      double bound = 0;
      for (int64_t j = 0; j < c.vocab; ++j) {
        bound += (relative * magnitudes[static_cast<size_t>(i)][static_cast<size_t>(j)] +
                  floor / static_cast<double>(c.vocab) + rounding<T>().absolute) *
                 std::abs(inputs.weight_exact(j, k));
      }
      ASSERT_TRUE(close(to_float(dhidden(i, k)), dhidden_ref(i, k),
                        {bound + rounding<T>().absolute + 1e-6, rounding<T>().relative}))
          << "dhidden " << i << ", " << k;
    }
  }
  for (int64_t j = 0; j < c.vocab; ++j) {
    for (int64_t k = 0; k < c.hidden; ++k) {
      double bound = 0;
      for (int64_t i = 0; i < c.rows; ++i) {
        bound += (relative * magnitudes[static_cast<size_t>(i)][static_cast<size_t>(j)] + floor +
                  rounding<T>().absolute) *
                 std::abs(inputs.hidden_exact(i, k));
      }
      ASSERT_TRUE(close(dweight(j, k), dweight_ref(j, k), {bound + 1e-6, 0})) << "dweight " << j << ", " << k;
    }
  }
}

class LinearLogprobTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override { RLKD_REQUIRE_DEVICE(); }
};

TEST_P(LinearLogprobTest, device_forward_agrees_with_the_reference_float) {
  check_forward<float>(GetParam());
}

TEST_P(LinearLogprobTest, device_forward_agrees_with_the_reference_bfloat16) {
  check_forward<bfloat16>(GetParam());
}

TEST_P(LinearLogprobTest, device_backward_agrees_with_the_reference_float) {
  check_backward<float>(GetParam());
}

TEST_P(LinearLogprobTest, device_backward_agrees_with_the_reference_bfloat16) {
  check_backward<bfloat16>(GetParam());
}

std::vector<Case> cases() {
  return {
      {"no_rows", 0, 5, 4},
      {"one_row_one_token_one_number", 1, 1, 1},
      {"smaller_than_every_tile_without_entropy", 3, 7, 5, 0, 0, 1, false},
      {"rows_not_at_16_bytes", 5, 19, 41, 3, 1},
      {"rows_at_16_bytes_with_gaps", 5, 19, 40, 24},
      {"one_row_over_a_tile", 129, 10, 32, 0, 0, 0.7f},
      {"one_token_over_a_tile_without_entropy", 2, 257, 24, 0, 0, 3, false},
      {"whole_tiles", 128, 256, 32},
      {"three_token_tiles_low_temperature", 3, 520, 17, 0, 0, 0.2f},
      {"more_steps_than_stages_and_two_column_tiles", 4, 30, 264},
  };
}

INSTANTIATE_TEST_SUITE_P(Shapes, LinearLogprobTest, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return std::string(test.param.name); });

/** The emulated device has two multiprocessors: 8 blocks are enough, more tiles make runs of tiles. */
TEST(LinearLogprob, device_forward_covers_runs_of_token_tiles_and_bands_of_row_tiles) {
  RLKD_REQUIRE_DEVICE();
  check_forward<bfloat16>({"", 130, 2050, 4});
  check_forward<float>({"", 2050, 513, 2});
}

/** float16 differs from bfloat16 in the instruction of the product and in the rounding. */
TEST(LinearLogprob, device_agrees_with_the_reference_float16) {
  RLKD_REQUIRE_DEVICE();
  for (const Case& c : {Case{"", 5, 19, 41, 3, 1}, Case{"", 130, 10, 40, 0, 0, 0.7f}}) {
    check_forward<float16>(c);
    check_backward<float16>(c);
  }
}

/** Sums of these inputs are whole numbers below 2^24: any order gives the same logits. */
template <class T>
void check_scale_1e4(float temperature) {
  const Case c{"", 3, 300, 20};
  Inputs<T> inputs(c, 7);
  for (int64_t k = 0; k < c.hidden; ++k) {
    for (int64_t i = 0; i < c.rows; ++i)
      inputs.set_hidden(i, k, static_cast<double>(inputs.random.below(17) - 8));
    for (int64_t j = 0; j < c.vocab; ++j) {
      inputs.set_weight(j, k, static_cast<double>(inputs.random.below(513) - 256));
    }
  }
  Guarded<float> logprob(c.rows);
  inputs.reference_forward(temperature, logprob.view());
  Forwarded out(c.rows);
  device_forward_of<T>(inputs.hidden.view(), inputs, inputs.tokens.view(), temperature, out);
  EXPECT_TRUE(all_close(out.logprob, logprob, c.rows, {4e-6, 6e-7}));
  EXPECT_TRUE(all_close(out.logsumexp, inputs.logsumexp, c.rows, {4e-6, 6e-7}));
  EXPECT_TRUE(all_close(out.entropy, inputs.entropy, c.rows, {4e-6, 6e-7}));
}

TEST(LinearLogprob, device_logits_of_scale_1e4_stay_exact) {
  RLKD_REQUIRE_DEVICE();
  for (const float temperature : {0.7f, 1.0f, 1e4f}) {
    check_scale_1e4<float>(temperature);
    check_scale_1e4<bfloat16>(temperature);
    check_scale_1e4<float16>(temperature);
  }
}

template <class T>
void check_rows_alone() {
  const Case c{"", 131, 300, 36};
  Inputs<T> inputs(c, 3);
  Forwarded together(c.rows);
  device_forward_of<T>(inputs.hidden.view(), inputs, inputs.tokens.view(), 0.9f, together);
  inputs.reference_forward(0.9f, Guarded<float>(c.rows).view());
  GuardedMatrix<T> dhidden(c.rows, c.hidden);
  device_backward_of<T>(inputs, 0.9f, true, 0, dhidden.view(), {});
  for (const int64_t i : {0, 77, 130}) {
    Inputs<T> alone({"", 1, c.vocab, c.hidden}, 3);
    for (int64_t k = 0; k < c.hidden; ++k) {
      alone.hidden(0, k) = inputs.hidden(i, k);
      for (int64_t j = 0; j < c.vocab; ++j) alone.weight(j, k) = inputs.weight(j, k);
    }
    alone.tokens[0] = inputs.tokens[i];
    alone.dlogprob[0] = inputs.dlogprob[i];
    alone.dentropy[0] = inputs.dentropy[i];
    alone.logsumexp[0] = inputs.logsumexp[i];
    alone.entropy[0] = inputs.entropy[i];
    Forwarded out(1);
    device_forward_of<T>(alone.hidden.view(), alone, alone.tokens.view(), 0.9f, out);
    EXPECT_EQ(out.logprob[0], together.logprob[i]);
    EXPECT_EQ(out.entropy[0], together.entropy[i]);
    EXPECT_EQ(out.logsumexp[0], together.logsumexp[i]);
    GuardedMatrix<T> dhidden_alone(1, c.hidden);
    device_backward_of<T>(alone, 0.9f, true, 0, dhidden_alone.view(), {});
    for (int64_t k = 0; k < c.hidden; ++k) {
      EXPECT_EQ(to_float(dhidden_alone(0, k)), to_float(dhidden(i, k))) << "row " << i << " column " << k;
    }
  }
}

TEST(LinearLogprob, device_rows_depend_on_nothing_but_the_row) {
  RLKD_REQUIRE_DEVICE();
  check_rows_alone<float>();
  check_rows_alone<bfloat16>();
}

TEST(LinearLogprob, device_outputs_that_are_not_wanted_change_nothing) {
  RLKD_REQUIRE_DEVICE();
  const Case c{"", 5, 40, 24};
  Inputs<bfloat16> inputs(c);
  Guarded<float> logprob(c.rows), logsumexp(c.rows);
  inputs.reference_forward(1, logprob.view());
  Forwarded out(c.rows);
  device_forward_of<bfloat16>(inputs.hidden.view(), inputs, inputs.tokens.view(), 1, out);
  Guarded<unsigned char> workspace(
      static_cast<int64_t>(cuda::linear_logprob_forward_workspace_size(c.rows, c.vocab)));
  ASSERT_TRUE(finished(cuda::linear_logprob_forward<bfloat16>(inputs.hidden.view(), inputs.weight.view(),
                                                              inputs.tokens.view(), 1, logprob.view(), {},
                                                              logsumexp.view(), workspace.data(), nullptr)));
  EXPECT_EQ(logprob.values(), out.logprob.values());
  EXPECT_EQ(logsumexp.values(), out.logsumexp.values());

  GuardedMatrix<bfloat16> dhidden(c.rows, c.hidden), dhidden_alone(c.rows, c.hidden);
  GuardedMatrix<float> dweight(c.vocab, c.hidden, 0, 0), dweight_alone(c.vocab, c.hidden, 0, 0);
  device_backward_of<bfloat16>(inputs, 1, true, 0, dhidden.view(), dweight.view());
  device_backward_of<bfloat16>(inputs, 1, true, 0, dhidden_alone.view(), {});
  device_backward_of<bfloat16>(inputs, 1, true, 0, {}, dweight_alone.view());
  for (int64_t k = 0; k < c.hidden; ++k) {
    for (int64_t i = 0; i < c.rows; ++i) EXPECT_EQ(to_float(dhidden(i, k)), to_float(dhidden_alone(i, k)));
    for (int64_t j = 0; j < c.vocab; ++j) EXPECT_EQ(dweight(j, k), dweight_alone(j, k));
  }
}

TEST(LinearLogprob, device_backward_joins_blocks_of_rows_and_of_tokens) {
  RLKD_REQUIRE_DEVICE();
  check_backward<float>({"", 2049, 2, 3});
  check_backward<float>({"", 2, 8193, 3});
}

/** Two tiles of tokens: the first has nearly all of the probability; row 1's own token is in the second. */
TEST(LinearLogprob, device_skips_tiles_of_small_probabilities_within_the_bound) {
  RLKD_REQUIRE_DEVICE();
  const Case c{"", 130, 768, 16};
  const float skip_below = 1e-4f;
  Inputs<bfloat16> inputs(c);
  for (int64_t i = 0; i < c.rows; ++i) {
    inputs.set_hidden(i, 0, 1);
    inputs.tokens[i] = i % 256;
  }
  for (int64_t j = 0; j < c.vocab; ++j) inputs.set_weight(j, 0, j < 256 ? 0 : -20);
  inputs.tokens[129] = 600;  // the second row tile keeps the third token tile
  Guarded<float> logprob(c.rows);
  inputs.reference_forward(1, logprob.view());
  GuardedMatrix<bfloat16> exact(c.rows, c.hidden), skipped(c.rows, c.hidden);
  GuardedMatrix<float> dweight_exact(c.vocab, c.hidden, 0, 0), dweight(c.vocab, c.hidden, 0, 0);
  device_backward_of<bfloat16>(inputs, 1, true, 0, exact.view(), dweight_exact.view());
  device_backward_of<bfloat16>(inputs, 1, true, skip_below, skipped.view(), dweight.view());

  const auto delta = [&](int64_t i) {
    return skip_below * (std::abs(inputs.dlogprob[i]) +
                         (std::abs(std::log(skip_below)) + inputs.entropy[i]) * std::abs(inputs.dentropy[i]));
  };
  for (int64_t k = 0; k < c.hidden; ++k) {
    for (int64_t i = 0; i < c.rows; ++i) {
      double bound = 0;
      for (int64_t j = 256; j < c.vocab; ++j) bound += delta(i) * std::abs(inputs.weight_exact(j, k));
      EXPECT_TRUE(close(to_float(skipped(i, k)), to_float(exact(i, k)), {bound, 0x1p-8}));
    }
    for (int64_t j = 0; j < c.vocab; ++j) {
      double bound = 0;
      for (int64_t i = 0; i < c.rows; ++i) bound += delta(i) * std::abs(inputs.hidden_exact(i, k));
      EXPECT_TRUE(close(dweight(j, k), dweight_exact(j, k), {j < 256 ? 1e-7 : bound, 0}));
    }
    EXPECT_NE(dweight_exact(300, k), 0);
    EXPECT_EQ(dweight(300, k), 0) << "a tile of tokens that no row keeps";
    EXPECT_NE(dweight(600, k), 0) << "a row's own token";
  }
}

}  // namespace
}  // namespace rlkd::kernels::test
