#include "rlkd/kernels/adamw.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "test/support/compare.h"
#include "test/support/device.h"
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

/** Of host and device memory alike, with a workspace that holds rubbish. */
template <class T>
float device_norm(const Vector<const T>* grads, int64_t count) {
  int64_t elements = 0;
  for (int64_t t = 0; t < count; ++t) elements += grads[t].size;
  Guarded<unsigned char> workspace(static_cast<int64_t>(cuda::grad_norm_workspace_size(elements, count)),
                                   0xEE);
  Guarded<float> norm(1);
  EXPECT_TRUE(finished(cuda::grad_norm<T>(grads, count, norm.data(), workspace.data(), nullptr)));
  return norm[0];
}

template <class Weight, class Grad>
bool device_step(const std::vector<cuda::AdamwTensor<Weight, Grad>>& tensors, const AdamwOptions& options,
                 float norm_value) {
  Guarded<float> norm(1, norm_value);
  Guarded<int32_t> skipped(1);
  EXPECT_TRUE(finished(cuda::adamw(tensors.data(), static_cast<int64_t>(tensors.size()), options, norm.data(),
                                   skipped.data(), nullptr)));
  EXPECT_TRUE(skipped[0] == 0 || skipped[0] == 1) << skipped[0];
  return skipped[0] == 0;
}

float device_grad_norm(const Vector<const float>* grads, int64_t count) { return device_norm(grads, count); }

bool device_adamw(const AdamwTensor* tensors, int64_t count, const AdamwOptions& options, float norm) {
  std::vector<cuda::AdamwTensor<float, float>> list;
  for (const AdamwTensor* t = tensors; t != tensors + count; ++t) {
    list.push_back({t->param, nullptr, t->grad, t->exp_avg, t->exp_avg_sq, t->size, t->weight_decay});
  }
  return device_step(list, options, norm);
}

struct Backend {
  const char* name;
  decltype(&cpu::grad_norm) grad_norm;
  decltype(&cpu::adamw) adamw;
};

/** Contracts that hold for every backend, the reference included. */
class Backends : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (GetParam().adamw == device_adamw) RLKD_REQUIRE_DEVICE();
  }
  float norm(const Guarded<float>& entries) const {
    const Vector<const float> grad = entries.view();
    return GetParam().grad_norm(&grad, 1);
  }
  const decltype(&cpu::adamw) step = GetParam().adamw;
};
class GradNorm : public Backends {};
class Adamw : public Backends {};

const auto kBackends = ::testing::Values(Backend{"cpu", cpu::grad_norm, cpu::adamw},
                                         Backend{"device", device_grad_norm, device_adamw},
                                         Backend{"reference", reference::grad_norm, reference::adamw});
const auto kBackendName = [](const auto& test) { return std::string(test.param.name); };
INSTANTIATE_TEST_SUITE_P(Backends, GradNorm, kBackends, kBackendName);
INSTANTIATE_TEST_SUITE_P(Backends, Adamw, kBackends, kBackendName);

TEST_P(GradNorm, agrees_with_the_reference_for_every_offset) {
  for (const int64_t offset : {0, 1, 3}) {
    Model model(kSizes, 7, offset);
    const auto grads = model.grads();
    const float norm = GetParam().grad_norm(grads.data(), static_cast<int64_t>(grads.size()));
    EXPECT_TRUE(close(norm, norm_of(model), {0, 1e-7}));
  }
}

TEST_P(GradNorm, small_entries_beside_large_ones_are_not_lost) {
  // Many entries of 1e-3 beside one of 1e3: a float accumulator would stop at 1e6, the square of that one.
  Guarded<float> entries(300001, 1e-3f);
  entries[0] = 1e3f;
  const double expected = std::sqrt(1e6 + 3e5 * static_cast<double>(1e-3f) * static_cast<double>(1e-3f));
  EXPECT_NE(static_cast<float>(expected), 1e3f);
  EXPECT_TRUE(close(norm(entries), expected, {0, 1e-7}));
}

TEST_P(GradNorm, squares_that_overflow_a_float_do_not) {
  EXPECT_TRUE(close(norm(Guarded<float>(9, 1e30f)), 3e30, {0, 1e-6}));
}

TEST_P(GradNorm, of_nothing_is_zero) {
  EXPECT_EQ(GetParam().grad_norm(nullptr, 0), 0);
  EXPECT_EQ(norm(Guarded<float>(0)), 0);
}

TEST_P(GradNorm, is_not_finite_if_one_entry_is_not) {
  for (const float poison : {kNaN, kInfinity, -kInfinity}) {
    for (const int64_t place : {0, 33, 99}) {
      Guarded<float> entries(100, 1);
      entries[place] = poison;
      EXPECT_FALSE(std::isfinite(norm(entries)));
    }
  }
}

TEST(GradNormThreads, has_the_same_bits_for_any_number_of_threads) {
  Model model(kSizes, 11);
  const auto grads = model.grads();
  omp_set_num_threads(1);
  const float one = cpu::grad_norm(grads.data(), static_cast<int64_t>(grads.size()));
  for (const int threads : {2, 3}) {
    omp_set_num_threads(threads);
    EXPECT_EQ(cpu::grad_norm(grads.data(), static_cast<int64_t>(grads.size())), one) << threads << " threads";
  }
}

TEST_P(Adamw, agrees_with_the_reference_over_several_steps) {
  for (const int64_t offset : {0, 1}) {
    Model fast(kSizes, 13, offset), slow(kSizes, 13, offset);
    const auto fast_tensors = fast.tensors(), slow_tensors = slow.tensors();
    const int64_t count = static_cast<int64_t>(kSizes.size());
    for (int64_t number = 1; number <= 4; ++number) {
      AdamwOptions options = kOptions;
      options.step = number;
      const float norm = norm_of(fast);
      ASSERT_TRUE(step(fast_tensors.data(), count, options, norm));
      ASSERT_TRUE(reference::adamw(slow_tensors.data(), count, options, norm));
      for (size_t t = 0; t < fast.size(); ++t) {
        const int64_t n = fast[t].param.size();
        EXPECT_TRUE(all_close(fast[t].exp_avg, slow[t].exp_avg, n, {1e-7, 1e-6})) << "step " << number;
        EXPECT_TRUE(all_close(fast[t].exp_avg_sq, slow[t].exp_avg_sq, n, kState)) << "step " << number;
        EXPECT_TRUE(all_close(fast[t].param, slow[t].param, n, {4 * kParam.absolute, kParam.relative * 4}))
            << "step " << number;
      }
    }
  }
}

/** Gradients of one tensor, with a parameter of `start` and moments of 0. */
struct OneTensor {
  OneTensor(const std::vector<float>& gradient, float start)
      : param(static_cast<int64_t>(gradient.size()), start),
        grad(gradient),
        exp_avg(grad.size(), 0),
        exp_avg_sq(grad.size(), 0) {}
  AdamwTensor tensor(double weight_decay) {
    return {param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data(), param.size(), weight_decay};
  }
  Guarded<float> param, grad, exp_avg, exp_avg_sq;
};

TEST_P(Adamw, first_step_from_zero_state_moves_by_the_learning_rate) {
  // m / correction1 = g and v / correction2 = g g, so the update is g / (|g| + epsilon): its sign.
  OneTensor one({0.5f, -3, 0}, 1);
  const AdamwTensor tensor = one.tensor(0.1);
  AdamwOptions options = kOptions;
  options.max_grad_norm = 0;
  ASSERT_TRUE(step(&tensor, 1, options, 3.0f));
  const double decayed = 1 - 1e-2 * 0.1;
  EXPECT_TRUE(
      all_close(one.param, std::vector<double>{decayed - 1e-2, decayed + 1e-2, decayed}, 3, {2e-7, 0}));
  EXPECT_TRUE(all_close(one.exp_avg, std::vector<double>{0.05, -0.3, 0}, 3, {1e-7, 0}));
  EXPECT_TRUE(all_close(one.exp_avg_sq, std::vector<double>{0.00025, 0.009, 0}, 3, {1e-8, 0}));
}

TEST_P(Adamw, gradients_are_scaled_to_the_largest_norm_and_never_up) {
  const auto first_moment = [&](double max_grad_norm) {
    OneTensor one({3, 4}, 0);
    const AdamwTensor tensor = one.tensor(0);
    AdamwOptions options = kOptions;
    options.max_grad_norm = max_grad_norm;
    EXPECT_TRUE(step(&tensor, 1, options, 5.0f));
    return one.exp_avg.values();
  };
  EXPECT_TRUE(all_close(first_moment(1), std::vector<double>{0.06, 0.08}, 2, {1e-6, 0}));
  EXPECT_TRUE(all_close(first_moment(10), std::vector<double>{0.3, 0.4}, 2, {1e-6, 0}));
  EXPECT_TRUE(all_close(first_moment(0), std::vector<double>{0.3, 0.4}, 2, {1e-6, 0}));
}

TEST_P(Adamw, large_beta1_complement_interpolates_from_the_gradient) {
  // 1 - beta1 >= 0.5: torch.lerp's other branch.
  AdamwOptions options = kOptions;
  options.beta1 = 0.25;
  Model fast({100}, 3), slow({100}, 3);
  const auto fast_tensors = fast.tensors(), slow_tensors = slow.tensors();
  ASSERT_TRUE(step(fast_tensors.data(), 1, options, 1));
  ASSERT_TRUE(reference::adamw(slow_tensors.data(), 1, options, 1));
  EXPECT_TRUE(all_close(fast[0].exp_avg, slow[0].exp_avg, 100, {1e-7, 1e-6}));
}

TEST_P(Adamw, a_norm_that_is_not_finite_changes_nothing) {
  for (const float norm : {kNaN, kInfinity}) {
    Model model(kSizes, 17);
    const auto tensors = model.tensors();
    const std::vector<float> before = model.everything();
    EXPECT_FALSE(step(tensors.data(), static_cast<int64_t>(tensors.size()), kOptions, norm));
    EXPECT_EQ(model.everything(), before);
  }
}

TEST(AdamwThreads, has_the_same_bits_for_any_number_of_threads) {
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

// Lists that take several launches of some 200 (grad_norm) and 65 (adamw) tensors.
std::vector<int64_t> many_sizes() {
  std::vector<int64_t> sizes;
  for (int64_t t = 0; t < 450; ++t) sizes.push_back(t % 7 == 3 ? 0 : t % 23);
  sizes.push_back(40000);
  return sizes;
}

TEST(AdamwDevice, device_grad_norm_has_the_same_bits_twice_and_at_every_alignment) {
  RLKD_REQUIRE_DEVICE();
  for (const std::vector<int64_t>& sizes : {kSizes, many_sizes()}) {
    std::vector<float> norms;
    for (const int64_t offset : {0, 0, 1, 3}) {
      Model model(sizes, 23, offset);
      const auto grads = model.grads();
      norms.push_back(device_grad_norm(grads.data(), static_cast<int64_t>(grads.size())));
      EXPECT_TRUE(close(norms.back(), norm_of(model), {0, 1e-7}));
      EXPECT_EQ(norms.back(), norms.front());
    }
  }
}

TEST(AdamwDevice, device_gives_the_bits_of_the_cpu) {
  RLKD_REQUIRE_DEVICE();
  for (const std::vector<int64_t>& sizes : {kSizes, many_sizes()}) {
    for (const int64_t offset : {0, 1}) {
      Model device(sizes, 29, offset), host(sizes, 29, offset);
      const auto device_tensors = device.tensors(), host_tensors = host.tensors();
      const auto count = static_cast<int64_t>(sizes.size());
      AdamwOptions options = kOptions;
      for (options.step = 1; options.step <= 2; ++options.step) {
        const float norm = norm_of(host);
        ASSERT_TRUE(device_adamw(device_tensors.data(), count, options, norm));
        ASSERT_TRUE(cpu::adamw(host_tensors.data(), count, options, norm));
      }
      EXPECT_EQ(device.everything(), host.everything());
    }
  }
}

/** A model whose weights are of 16 bits, beside the fp32 model that the reference gets: gradients of type Grad
 * are exact in float. */
template <class Weight, class Grad>
void check_masters(int64_t offset) {
  const std::vector<int64_t> sizes{1, 0, 7, 16, 1003, 16384, 16385 + 8};
  Model device(sizes, 31, offset), expected(sizes, 31, offset);
  std::vector<std::unique_ptr<Guarded<Weight>>> weights;
  std::vector<std::unique_ptr<Guarded<Grad>>> grads;
  std::vector<cuda::AdamwTensor<Weight, Grad>> tensors;
  std::vector<Vector<const Grad>> grad_views;
  for (size_t t = 0; t < sizes.size(); ++t) {
    weights.push_back(std::make_unique<Guarded<Weight>>(sizes[t], poison<Weight>(), offset));
    grads.push_back(std::make_unique<Guarded<Grad>>(sizes[t], Grad{}, offset));
    for (int64_t i = 0; i < sizes[t]; ++i) {
      (*grads[t])[i] = round_to<Grad>(std::clamp(device[t].grad[i], -6e4f, 6e4f));  // what float16 holds
      expected[t].grad[i] = to_float((*grads[t])[i]);
    }
    tensors.push_back({weights[t]->data(), device[t].param.data(), grads[t]->data(), device[t].exp_avg.data(),
                       device[t].exp_avg_sq.data(), sizes[t], device.tensors()[t].weight_decay});
    grad_views.push_back(grads[t]->view());
  }
  const auto count = static_cast<int64_t>(sizes.size());
  const float norm = device_norm(grad_views.data(), count);
  EXPECT_TRUE(close(norm, norm_of(expected), {0, 1e-7}));
  const auto expected_tensors = expected.tensors();
  ASSERT_TRUE(device_step(tensors, kOptions, norm));
  ASSERT_TRUE(reference::adamw(expected_tensors.data(), count, kOptions, norm));
  for (size_t t = 0; t < sizes.size(); ++t) {
    EXPECT_TRUE(all_close(device[t].exp_avg, expected[t].exp_avg, sizes[t], {1e-7, 1e-6}));
    EXPECT_TRUE(all_close(device[t].exp_avg_sq, expected[t].exp_avg_sq, sizes[t], kState));
    EXPECT_TRUE(all_close(device[t].param, expected[t].param, sizes[t], kParam));
    for (int64_t i = 0; i < sizes[t]; ++i) {
      ASSERT_EQ((*weights[t])[i].bits, round_to<Weight>(device[t].param[i]).bits) << "weight " << i;
    }
  }
  // The guard leaves the weights as they are too.
  const Weight before = weights[6]->values()[3];
  EXPECT_FALSE(device_step(tensors, kOptions, kNaN));
  EXPECT_EQ((*weights[6])[3].bits, before.bits);
}

TEST(AdamwDevice, device_updates_fp32_masters_of_bfloat16_weights) {
  RLKD_REQUIRE_DEVICE();
  for (const int64_t offset : {0, 1}) {
    check_masters<bfloat16, bfloat16>(offset);
    check_masters<bfloat16, float>(offset);
  }
}

TEST(AdamwDevice, device_updates_fp32_masters_of_float16_weights) {
  RLKD_REQUIRE_DEVICE();
  for (const int64_t offset : {0, 1}) {
    check_masters<float16, float16>(offset);
    check_masters<float16, float>(offset);
  }
}

TEST(AdamwDevice, device_keeps_updates_that_a_16_bit_weight_alone_would_lose) {
  // 1000 steps of 1e-5 on a weight of 1: bfloat16 has no number between 1 and 1 - 2^-8. Each rounds the master to
  // 2^-25.
  RLKD_REQUIRE_DEVICE();
  Guarded<bfloat16> weight(1, round_to<bfloat16>(1));
  Guarded<float> master(1, 1), grad(1, 1), exp_avg(1, 0), exp_avg_sq(1, 0);
  const std::vector<cuda::AdamwTensor<bfloat16, float>> tensors{
      {weight.data(), master.data(), grad.data(), exp_avg.data(), exp_avg_sq.data(), 1, 0}};
  AdamwOptions options = kOptions;
  options.learning_rate = 1e-5;
  for (options.step = 1; options.step <= 1000; ++options.step) ASSERT_TRUE(device_step(tensors, options, 1));
  EXPECT_TRUE(close(master[0], 0.99, {1000 * 0x1p-25, 0}));
  EXPECT_TRUE(close(to_float(weight[0]), 0.99, {0x1p-9, 0}));
}

TEST(AdamwDevice, device_says_skipped_or_not_without_tensors_too) {
  RLKD_REQUIRE_DEVICE();
  EXPECT_TRUE(device_adamw(nullptr, 0, kOptions, 1));
  EXPECT_FALSE(device_adamw(nullptr, 0, kOptions, kNaN));
}

}  // namespace
}  // namespace rlkd::kernels::test
