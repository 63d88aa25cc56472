#include "rlkd/kernels/linear_logprob.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "test/support/compare.h"
#include "test/support/guarded.h"

namespace rlkd::kernels::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

using Forward = decltype(&reference::linear_logprob_forward);
using Backward = decltype(&reference::linear_logprob_backward);

struct Backend {
  const char* name;
  Forward forward;
  Backward backward;
};

/** Contracts that hold for every backend, the reference included. Of one row unless said otherwise. */
class LinearLogprobContract : public ::testing::TestWithParam<Backend> {
 protected:
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
                         ::testing::Values(Backend{"reference", reference::linear_logprob_forward,
                                                   reference::linear_logprob_backward}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace rlkd::kernels::test
