#include "rlkd/kernels/adamw.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "test/support/compare.h"
#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A step is a few float operations an element: a parameter of size 1 moves by learning_rate and rounds to
// 6e-8.
constexpr Tolerance kState{1e-9, 1e-6};
constexpr Tolerance kParam{2e-7, 3e-7};

constexpr AdamwOptions kOptions{1e-2, 0.9, 0.999, 1e-8, 1.0, 1};

/** Parameters, gradients and state of several tensors, in guarded buffers. */
class Model {
 public:
  Model(const std::vector<int64_t>& sizes, uint64_t seed, int64_t offset = 0) {
    Random random(seed);
    for (const int64_t size : sizes) {
      auto tensor = std::make_unique<Buffers>(size, offset);
      for (int64_t i = 0; i < size; ++i) {
        tensor->param[i] = static_cast<float>(random.normal());
        tensor->grad[i] = static_cast<float>(random.normal(std::exp(random.normal(3))));
        tensor->exp_avg[i] = static_cast<float>(random.normal(0.1));
        tensor->exp_avg_sq[i] = static_cast<float>(random.uniform(0, 0.1));
      }
      buffers_.push_back(std::move(tensor));
    }
  }

  std::vector<AdamwTensor> tensors() {
    std::vector<AdamwTensor> result;
    for (auto& b : buffers_) {
      const double weight_decay = result.size() % 2 == 0 ? 0.1 : 0;
      result.push_back({b->param.data(), b->grad.data(), b->exp_avg.data(), b->exp_avg_sq.data(),
                        b->param.size(), weight_decay});
    }
    return result;
  }
  std::vector<Vector<const float>> grads() {
    std::vector<Vector<const float>> result;
    for (auto& b : buffers_) result.push_back(b->grad.view());
    return result;
  }
  struct Buffers {
    Buffers(int64_t size, int64_t offset)
        : param(size, 0, offset),
          grad(size, 0, offset),
          exp_avg(size, 0, offset),
          exp_avg_sq(size, 0, offset) {}
    Guarded<float> param, grad, exp_avg, exp_avg_sq;
  };
  Buffers& operator[](size_t i) { return *buffers_[i]; }
  size_t size() const { return buffers_.size(); }
  std::vector<float> everything() const {
    std::vector<float> all;
    for (const auto& b : buffers_) {
      for (const auto* buffer : {&b->param, &b->exp_avg, &b->exp_avg_sq}) {
        const std::vector<float> values = buffer->values();
        all.insert(all.end(), values.begin(), values.end());
      }
    }
    return all;
  }

 private:
  std::vector<std::unique_ptr<Buffers>> buffers_;
};

const std::vector<int64_t> kSizes{1, 0, 7, 64, 65, 1000, 100003, 3, 17 * 4099};

float norm_of(Model& model) {
  const auto grads = model.grads();
  return reference::grad_norm(grads.data(), static_cast<int64_t>(grads.size()));
}

TEST(GradNorm, agrees_with_the_reference_for_every_offset) {
  for (const int64_t offset : {0, 1, 3}) {
    Model model(kSizes, 7, offset);
    const auto grads = model.grads();
    const float norm = cpu::grad_norm(grads.data(), static_cast<int64_t>(grads.size()));
    EXPECT_TRUE(close(norm, norm_of(model), {0, 1e-7}));
  }
}

TEST(GradNorm, small_entries_beside_large_ones_are_not_lost) {
  // 1e6 entries of 1e-3 beside one of 1e3: a float accumulator would stop at 1e3.
  std::vector<float> entries(1000001, 1e-3f);
  entries[0] = 1e3f;
  const Vector<const float> grad{entries.data(), static_cast<int64_t>(entries.size())};
  const double expected = std::sqrt(1e6 + 1e6 * static_cast<double>(1e-3f) * static_cast<double>(1e-3f));
  EXPECT_TRUE(close(cpu::grad_norm(&grad, 1), expected, {0, 1e-7}));
  EXPECT_TRUE(close(reference::grad_norm(&grad, 1), expected, {0, 1e-7}));
}

TEST(GradNorm, squares_that_overflow_a_float_do_not) {
  std::vector<float> entries(9, 1e30f);
  const Vector<const float> grad{entries.data(), 9};
  EXPECT_TRUE(close(cpu::grad_norm(&grad, 1), 3e30, {0, 1e-6}));
}

TEST(GradNorm, of_nothing_is_zero) {
  EXPECT_EQ(cpu::grad_norm(nullptr, 0), 0);
  EXPECT_EQ(reference::grad_norm(nullptr, 0), 0);
}

TEST(GradNorm, is_not_finite_if_one_entry_is_not) {
  for (const float poison : {kNaN, kInfinity, -kInfinity}) {
    for (const int64_t place : {0, 33, 99}) {
      std::vector<float> entries(100, 1);
      entries[static_cast<size_t>(place)] = poison;
      const Vector<const float> grad{entries.data(), 100};
      EXPECT_FALSE(std::isfinite(cpu::grad_norm(&grad, 1)));
      EXPECT_FALSE(std::isfinite(reference::grad_norm(&grad, 1)));
    }
  }
}

TEST(GradNorm, has_the_same_bits_for_any_number_of_threads) {
  Model model(kSizes, 11);
  const auto grads = model.grads();
  omp_set_num_threads(1);
  const float one = cpu::grad_norm(grads.data(), static_cast<int64_t>(grads.size()));
  for (const int threads : {2, 3}) {
    omp_set_num_threads(threads);
    EXPECT_EQ(cpu::grad_norm(grads.data(), static_cast<int64_t>(grads.size())), one) << threads << " threads";
  }
}

TEST(Adamw, agrees_with_the_reference_over_several_steps) {
  for (const int64_t offset : {0, 1}) {
    Model fast(kSizes, 13, offset), slow(kSizes, 13, offset);
    const auto fast_tensors = fast.tensors(), slow_tensors = slow.tensors();
    const int64_t count = static_cast<int64_t>(kSizes.size());
    for (int64_t step = 1; step <= 4; ++step) {
      AdamwOptions options = kOptions;
      options.step = step;
      const float norm = norm_of(fast);
      ASSERT_TRUE(cpu::adamw(fast_tensors.data(), count, options, norm));
      ASSERT_TRUE(reference::adamw(slow_tensors.data(), count, options, norm));
      for (size_t t = 0; t < fast.size(); ++t) {
        const int64_t n = fast[t].param.size();
        EXPECT_TRUE(all_close(fast[t].exp_avg, slow[t].exp_avg, n, {1e-7, 1e-6})) << "step " << step;
        EXPECT_TRUE(all_close(fast[t].exp_avg_sq, slow[t].exp_avg_sq, n, kState)) << "step " << step;
        EXPECT_TRUE(all_close(fast[t].param, slow[t].param, n, {4 * kParam.absolute, kParam.relative * 4}))
            << "step " << step;
      }
    }
  }
}

TEST(Adamw, first_step_from_zero_state_moves_by_the_learning_rate) {
  // m / correction1 = g and v / correction2 = g g, so the update is g / (|g| + epsilon): its sign.
  for (const auto step : {cpu::adamw, reference::adamw}) {
    std::vector<float> param{1, 1, 1}, grad{0.5f, -3, 0}, m(3, 0), v(3, 0);
    const AdamwTensor tensor{param.data(), grad.data(), m.data(), v.data(), 3, 0.1};
    AdamwOptions options = kOptions;
    options.max_grad_norm = 0;
    ASSERT_TRUE(step(&tensor, 1, options, 3.0f));
    const double decayed = 1 - 1e-2 * 0.1;
    EXPECT_TRUE(all_close(param, std::vector<double>{decayed - 1e-2, decayed + 1e-2, decayed}, 3, {2e-7, 0}));
    EXPECT_TRUE(all_close(m, std::vector<double>{0.05, -0.3, 0}, 3, {1e-7, 0}));
    EXPECT_TRUE(all_close(v, std::vector<double>{0.00025, 0.009, 0}, 3, {1e-8, 0}));
  }
}

TEST(Adamw, gradients_are_scaled_to_the_largest_norm_and_never_up) {
  for (const auto step : {cpu::adamw, reference::adamw}) {
    const auto first_moment = [&](double max_grad_norm) {
      std::vector<float> param{0, 0}, grad{3, 4}, m(2, 0), v(2, 0);
      const AdamwTensor tensor{param.data(), grad.data(), m.data(), v.data(), 2, 0};
      AdamwOptions options = kOptions;
      options.max_grad_norm = max_grad_norm;
      EXPECT_TRUE(step(&tensor, 1, options, 5.0f));
      return m;
    };
    EXPECT_TRUE(all_close(first_moment(1), std::vector<double>{0.06, 0.08}, 2, {1e-6, 0}));
    EXPECT_TRUE(all_close(first_moment(10), std::vector<double>{0.3, 0.4}, 2, {1e-6, 0}));
    EXPECT_TRUE(all_close(first_moment(0), std::vector<double>{0.3, 0.4}, 2, {1e-6, 0}));
  }
}

TEST(Adamw, large_beta1_complement_interpolates_from_the_gradient) {
  // 1 - beta1 >= 0.5: torch.lerp's other branch.
  AdamwOptions options = kOptions;
  options.beta1 = 0.25;
  Model fast({100}, 3), slow({100}, 3);
  const auto fast_tensors = fast.tensors(), slow_tensors = slow.tensors();
  ASSERT_TRUE(cpu::adamw(fast_tensors.data(), 1, options, 1));
  ASSERT_TRUE(reference::adamw(slow_tensors.data(), 1, options, 1));
  EXPECT_TRUE(all_close(fast[0].exp_avg, slow[0].exp_avg, 100, {1e-7, 1e-6}));
}

TEST(Adamw, a_norm_that_is_not_finite_changes_nothing) {
  for (const auto step : {cpu::adamw, reference::adamw}) {
    for (const float norm : {kNaN, kInfinity}) {
      Model model(kSizes, 17);
      const auto tensors = model.tensors();
      const std::vector<float> before = model.everything();
      EXPECT_FALSE(step(tensors.data(), static_cast<int64_t>(tensors.size()), kOptions, norm));
      EXPECT_EQ(model.everything(), before);
    }
  }
}

TEST(Adamw, has_the_same_bits_for_any_number_of_threads) {
  const auto after = [](int threads) {
    omp_set_num_threads(threads);
    Model model(kSizes, 19);
    const auto tensors = model.tensors();
    EXPECT_TRUE(cpu::adamw(tensors.data(), static_cast<int64_t>(tensors.size()), kOptions, norm_of(model)));
    return model.everything();
  };
  const std::vector<float> one = after(1);
  EXPECT_EQ(after(2), one);
  EXPECT_EQ(after(3), one);
}

}  // namespace
}  // namespace rlkd::kernels::test
