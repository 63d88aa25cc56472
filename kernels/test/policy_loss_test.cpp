#include "rlkd/kernels/policy_loss.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/compare.h"
#include "support/device.h"
#include "support/guarded.h"
#include "support/random.h"

namespace rlkd::kernels {
namespace {

using test::all_close;
using test::close;
using test::Guarded;
using test::GuardedMatrix;
using test::Random;
using test::Tolerance;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr float kNaNf = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
// Both compute in fp64; gradients are rounded to fp32, at sequence level twice.
constexpr Tolerance kTolerance{1e-9, 1e-6};

enum class Backend { cpu, device, reference };

const char* name_of(Backend backend) {
  return backend == Backend::cpu ? "cpu" : backend == Backend::device ? "device" : "reference";
}

/** Runs a call with a workspace that holds rubbish. */
void call(Backend backend, const PolicyLossInputs& inputs, const PolicyLossOptions& options,
          const PolicyLossOutputs& outputs) {
  const int64_t batch = inputs.logprob.rows;
  switch (backend) {
    case Backend::cpu: {
      const size_t bytes = cpu::policy_loss_workspace_size(batch, inputs.logprob.cols, options);
      Guarded<unsigned char> workspace(static_cast<int64_t>(bytes), 0xEE);
      cpu::policy_loss(inputs, options, outputs, workspace.data());
      return;
    }
    case Backend::device: {
      const size_t bytes = cuda::policy_loss_workspace_size(batch);
      Guarded<unsigned char> workspace(static_cast<int64_t>(bytes), 0xEE);
      EXPECT_TRUE(test::finished(cuda::policy_loss(inputs, options, outputs, workspace.data(), nullptr)));
      return;
    }
    case Backend::reference:
      reference::policy_loss(inputs, options, outputs);
  }
}

/** The inputs of a call; an empty table is absent. Tables are [batch, length] or, where noted, [batch, 1]. */
struct Batch {
  int64_t batch = 0;
  int64_t length = 0;
  std::vector<float> logprob;
  std::vector<float> entropy;
  std::vector<float> old_logprob;
  std::vector<float> ref_logprob;
  std::vector<float> sampler_logprob;
  std::vector<float> importance_ratio; /**< [batch, length] or [batch, 1] */
  std::vector<float> mask;
  std::vector<float> advantages; /**< [batch, length] or [batch, 1] */

  int64_t size() const { return batch * length; }
};

struct Result {
  double loss;
  std::vector<float> dlogprob;
  std::vector<float> dentropy;
  PolicyLossCounters counters;
};

/** A strided, guarded copy of a table; absent if the table is empty. */
class Input {
 public:
  Input(const std::vector<float>& values, int64_t rows, int64_t gap)
      : cols_(values.empty() ? 0 : static_cast<int64_t>(values.size()) / rows),
        present_(!values.empty()),
        matrix_(rows, cols_, gap, 0, 1) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t t = 0; t < cols_; ++t) matrix_(i, t) = values[static_cast<size_t>(i * cols_ + t)];
    }
  }
  Matrix<const float> view() const { return present_ ? matrix_.view() : Matrix<const float>{}; }

 private:
  int64_t cols_;
  bool present_;
  GuardedMatrix<float> matrix_;
};

Result run(Backend backend, const Batch& batch, const PolicyLossOptions& options) {
  const int64_t b = batch.batch;
  const Input logprob(batch.logprob, b, 1);
  const Input entropy(batch.entropy, b, 2);
  const Input old_logprob(batch.old_logprob, b, 3);
  const Input ref_logprob(batch.ref_logprob, b, 0);
  const Input sampler_logprob(batch.sampler_logprob, b, 1);
  const Input importance_ratio(batch.importance_ratio, b, 2);
  const Input mask(batch.mask, b, 1);
  const Input advantages(batch.advantages, b, 0);
  const PolicyLossInputs inputs{logprob.view(),     entropy.view(),         old_logprob.view(),
                                ref_logprob.view(), sampler_logprob.view(), importance_ratio.view(),
                                mask.view(),        advantages.view()};
  Guarded<double> loss(1);
  GuardedMatrix<float> dlogprob(b, batch.length, 3, kNaNf, 1);
  GuardedMatrix<float> dentropy(b, batch.length, 1, kNaNf, 1);
  Guarded<PolicyLossCounters> counters(1, PolicyLossCounters{});
  const PolicyLossOutputs outputs{loss.data(), dlogprob.view(), dentropy.view(), counters.data()};
  call(backend, inputs, options, outputs);
  Result result{loss[0], {}, {}, counters[0]};
  for (int64_t i = 0; i < b; ++i) {
    for (int64_t t = 0; t < batch.length; ++t) {
      result.dlogprob.push_back(dlogprob(i, t));
      result.dentropy.push_back(dentropy(i, t));
    }
  }
  return result;
}

/** Which inputs a random batch has besides logprob, entropy, mask and advantages. */
struct Given {
  bool old_logprob = true;
  bool sampler_logprob = false;
  enum class Ratio { none, token, sequence } importance_ratio = Ratio::none;
  bool token_advantages = false;
};

/** Ragged completions with holes (a tool mask) and, in larger batches, a fully masked row and a row of
 * advantage 0. Where the mask is 0 every table holds NaN. */
Batch random_batch(int64_t batch, int64_t length, const Given& given, uint64_t seed) {
  Random random(seed);
  Batch result{batch, length, {}, {}, {}, {}, {}, {}, {}, {}};
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t completion = i % 5 == 3 ? 0 : 1 + random.below(length);
    for (int64_t t = 0; t < length; ++t) {
      const bool masked = t < completion && (t == 0 || random.uniform() < 0.9);
      const auto value = [&](double x) { return masked ? static_cast<float>(x) : kNaNf; };
      const double logprob = -std::abs(random.normal(1.5));
      result.mask.push_back(masked ? 1 : 0);
      result.logprob.push_back(value(logprob));
      result.entropy.push_back(value(std::abs(random.normal())));
      if (given.old_logprob) result.old_logprob.push_back(value(logprob + random.normal(0.3)));
      result.ref_logprob.push_back(value(logprob + random.normal(0.5)));
      if (given.sampler_logprob) {
        const bool lost = random.uniform() < 0.1;
        result.sampler_logprob.push_back(lost ? kNaNf : value(logprob + random.normal(0.3)));
      }
      if (given.importance_ratio == Given::Ratio::token) {
        result.importance_ratio.push_back(value(random.uniform() < 0.1 ? 0 : std::exp(random.normal(0.5))));
      }
      if (given.token_advantages) result.advantages.push_back(value(random.normal()));
    }
    if (given.importance_ratio == Given::Ratio::sequence) {
      result.importance_ratio.push_back(static_cast<float>(std::exp(random.normal(0.5))));
    }
    if (!given.token_advantages) {
      result.advantages.push_back(i % 7 == 4 ? 0.0f : static_cast<float>(random.normal()));
    }
  }
  return result;
}

double tokens_of(const Batch& batch) {
  double tokens = 0;
  for (float m : batch.mask) tokens += m;
  return tokens;
}

constexpr LossType kLossTypes[] = {LossType::grpo,  LossType::bnpo, LossType::dr_grpo, LossType::dapo,
                                   LossType::cispo, LossType::sapo, LossType::luspo,   LossType::vespo};
const char* name_of(LossType type) {
  const char* names[] = {"grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo", "luspo", "vespo"};
  return names[static_cast<int>(type)];
}

/** Options of one loss type with everything that has a value set to one that shows. */
PolicyLossOptions options_of(LossType type, ImportanceLevel level = ImportanceLevel::token) {
  PolicyLossOptions options;
  options.loss_type = type;
  options.importance_level = level;
  options.epsilon_high = type == LossType::cispo ? 1.2 : 0.28;
  options.accumulation_steps = 2;
  options.steps_per_generation = 4;
  options.num_items_in_batch = 50;
  options.max_completion_length = 16;
  return options;
}

bool is(LossType type, std::initializer_list<LossType> types) {
  for (LossType other : types) {
    if (type == other) return true;
  }
  return false;
}

struct Variant {
  std::string name;
  PolicyLossOptions options;
  Given given;
};

std::vector<Variant> variants() {
  std::vector<Variant> result;
  for (LossType type : kLossTypes) {
    for (auto level : {ImportanceLevel::token, ImportanceLevel::sequence}) {
      const PolicyLossOptions base = options_of(type, level);
      const std::string name =
          std::string(name_of(type)) + (level == ImportanceLevel::token ? "_token" : "_sequence");
      const auto add = [&](const char* suffix, const Given& given, auto change) {
        Variant variant{name + suffix, base, given};
        change(variant.options);
        result.push_back(variant);
      };
      using Ratio = Given::Ratio;
      add("", {}, [](PolicyLossOptions&) {});
      add("_on_policy", {false, false, Ratio::none, false}, [](PolicyLossOptions& o) { o.beta = 0.1; });
      add("_evaluation", {}, [](PolicyLossOptions& o) { o.training = false; });
      add("_delta", {}, [](PolicyLossOptions& o) { o.delta = 1.1; });
      add("_delta_below_clip", {}, [](PolicyLossOptions& o) { o.delta = 0.7; });
      add("_kl", {}, [](PolicyLossOptions& o) { o.beta = 0.3; });
      add("_kl_without_correction", {}, [](PolicyLossOptions& o) {
        o.beta = 0.3;
        o.bias_correction_kl = false;
      });
      add("_sampler_ratio_token", {true, true, Ratio::token, false}, [](PolicyLossOptions&) {});
      add("_sampler_ratio_sequence", {true, true, Ratio::sequence, false}, [](PolicyLossOptions&) {});
      add("_top_entropy", {}, [](PolicyLossOptions& o) { o.top_entropy_quantile = 0.3; });
      add("_off_policy_mask", {}, [](PolicyLossOptions& o) { o.off_policy_threshold = 0.02; });
      add("_everything", {true, true, Ratio::token, false}, [](PolicyLossOptions& o) {
        o.beta = 0.05;
        o.delta = 1.5;
        o.top_entropy_quantile = 0.6;
        o.off_policy_threshold = 0.02;
        o.entropy_coefficient = 0.02;
      });
      if (type != LossType::vespo) {
        add("_token_advantages", {true, false, Ratio::none, true},
            [](PolicyLossOptions& o) { o.entropy_coefficient = 0.02; });
      }
    }
  }
  return result;
}

class PolicyLossVariants : public ::testing::TestWithParam<Variant> {};
INSTANTIATE_TEST_SUITE_P(Variants, PolicyLossVariants, ::testing::ValuesIn(variants()),
                         [](const auto& test) { return test.param.name; });

/** Without cispo and vespo: they hold a factor of the loss constant, so its slope is not their gradient. */
std::vector<Variant> variants_without_stop_gradient() {
  std::vector<Variant> result;
  for (const Variant& variant : variants()) {
    if (!is(variant.options.loss_type, {LossType::cispo, LossType::vespo})) result.push_back(variant);
  }
  return result;
}

class PolicyLossSlopes : public ::testing::TestWithParam<Variant> {};
INSTANTIATE_TEST_SUITE_P(Variants, PolicyLossSlopes, ::testing::ValuesIn(variants_without_stop_gradient()),
                         [](const auto& test) { return test.param.name; });

void expect_same_counter(const char* name, double actual, double expected) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << name;
  } else {
    EXPECT_TRUE(close(actual, expected, Tolerance{1e-12, 1e-12})) << name;
  }
}

void expect_same(const Result& actual, const Result& expected) {
  EXPECT_TRUE(close(actual.loss, expected.loss, Tolerance{1e-12, 1e-12}));
  const auto size = static_cast<int64_t>(expected.dlogprob.size());
  EXPECT_TRUE(all_close(actual.dlogprob, expected.dlogprob, size, kTolerance));
  EXPECT_TRUE(all_close(actual.dentropy, expected.dentropy, size, kTolerance));
  const PolicyLossCounters& a = actual.counters;
  const PolicyLossCounters& e = expected.counters;
  expect_same_counter("sequences", a.sequences, e.sequences);
  expect_same_counter("tokens", a.tokens, e.tokens);
  expect_same_counter("ratios", a.ratios, e.ratios);
  expect_same_counter("policy_loss", a.policy_loss, e.policy_loss);
  expect_same_counter("entropy_sum", a.entropy_sum, e.entropy_sum);
  expect_same_counter("kl_sum", a.kl_sum, e.kl_sum);
  expect_same_counter("ratio_sum", a.ratio_sum, e.ratio_sum);
  expect_same_counter("ratio_min", a.ratio_min, e.ratio_min);
  expect_same_counter("ratio_max", a.ratio_max, e.ratio_max);
  expect_same_counter("clip_low_sum", a.clip_low_sum, e.clip_low_sum);
  expect_same_counter("clip_high_sum", a.clip_high_sum, e.clip_high_sum);
  expect_same_counter("clip_low_min", a.clip_low_min, e.clip_low_min);
  expect_same_counter("clip_high_max", a.clip_high_max, e.clip_high_max);
  expect_same_counter("vespo_phi_sum", a.vespo_phi_sum, e.vespo_phi_sum);
  expect_same_counter("off_policy_kept", a.off_policy_kept, e.off_policy_kept);
  expect_same_counter("entropy_kept", a.entropy_kept, e.entropy_kept);
}

struct Shape {
  int64_t batch;
  int64_t length;
};

void check_against_the_reference(Backend backend, const Variant& variant,
                                 std::initializer_list<Shape> shapes) {
  for (const Shape& shape : shapes) {
    SCOPED_TRACE(std::to_string(shape.batch) + " x " + std::to_string(shape.length));
    const Batch batch = random_batch(shape.batch, shape.length, variant.given, 31);
    expect_same(run(backend, batch, variant.options), run(Backend::reference, batch, variant.options));
  }
}

TEST_P(PolicyLossVariants, cpu_agrees_with_the_reference) {
  check_against_the_reference(Backend::cpu, GetParam(), {{1, 1}, {1, 7}, {6, 1}, {9, 13}, {40, 129}});
}

TEST_P(PolicyLossVariants, device_agrees_with_the_reference) {
  RLKD_REQUIRE_DEVICE();
  // The last shape has more tokens than a block has threads.
  check_against_the_reference(Backend::device, GetParam(), {{1, 1}, {6, 9}, {2, 300}});
}

TEST_P(PolicyLossSlopes, reference_gradient_is_the_slope_of_the_reference_loss) {
  const Variant& variant = GetParam();
  Batch batch = random_batch(6, 5, variant.given, 77);
  if (batch.old_logprob.empty()) batch.old_logprob = batch.logprob;
  const Result at = run(Backend::reference, batch, variant.options);
  // The step is a power of two, exact in fp32 for these values.
  const float step = 1.0f / 4096;
  for (auto [values, gradient] : {std::pair{&batch.logprob, &at.dlogprob}, {&batch.entropy, &at.dentropy}}) {
    if (values == &batch.entropy && variant.options.top_entropy_quantile < 1) continue;
    for (size_t k = 0; k < values->size(); ++k) {
      if (batch.mask[k] == 0) continue;
      const float original = (*values)[k];
      volatile float up = original + step;
      volatile float down = original - step;
      (*values)[k] = up;
      const double above = run(Backend::reference, batch, variant.options).loss;
      (*values)[k] = down;
      const double below = run(Backend::reference, batch, variant.options).loss;
      (*values)[k] = original;
      const double slope = (above - below) / (static_cast<double>(up) - down);
      // Second-order terms of the step; a ratio of 1 sits on no clip boundary here.
      ASSERT_TRUE(close((*gradient)[k], slope, Tolerance{2e-6, 2e-4})) << "entry " << k;
    }
  }
}

void check_that_padding_changes_nothing(Backend backend, const Variant& variant) {
  const Batch batch = random_batch(5, 6, variant.given, 3);
  Batch padded{5, 9, {}, {}, {}, {}, {}, {}, {}, {}};
  const auto pad = [&](std::vector<float> Batch::*field, float fill) {
    if ((batch.*field).size() != static_cast<size_t>(batch.size())) {
      padded.*field = batch.*field;
      return;
    }
    for (size_t i = 0; i < 5; ++i) {
      const auto row = (batch.*field).begin() + static_cast<std::ptrdiff_t>(i * 6);
      (padded.*field).insert((padded.*field).end(), row, row + 6);
      (padded.*field).insert((padded.*field).end(), 3, fill);
    }
  };
  pad(&Batch::mask, 0);
  for (auto field : {&Batch::logprob, &Batch::entropy, &Batch::old_logprob, &Batch::ref_logprob,
                     &Batch::sampler_logprob, &Batch::importance_ratio, &Batch::advantages}) {
    pad(field, kNaNf);
  }
  const Result expected = run(backend, batch, variant.options);
  const Result actual = run(backend, padded, variant.options);
  EXPECT_EQ(actual.loss, expected.loss);
  for (size_t i = 0; i < 5; ++i) {
    for (size_t t = 0; t < 9; ++t) {
      EXPECT_EQ(actual.dlogprob[i * 9 + t], t < 6 ? expected.dlogprob[i * 6 + t] : 0);
    }
  }
}

TEST_P(PolicyLossVariants, padding_more_masked_tokens_changes_nothing) {
  check_that_padding_changes_nothing(Backend::cpu, GetParam());
  check_that_padding_changes_nothing(Backend::reference, GetParam());
}

TEST_P(PolicyLossVariants, device_padding_more_masked_tokens_changes_nothing) {
  RLKD_REQUIRE_DEVICE();
  check_that_padding_changes_nothing(Backend::device, GetParam());
}

TEST_P(PolicyLossVariants, results_do_not_depend_on_the_number_of_threads) {
  const Variant& variant = GetParam();
  const Batch batch = random_batch(40, 129, variant.given, 8);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const Result one = run(Backend::cpu, batch, variant.options);
  omp_set_num_threads(3);
  const Result three = run(Backend::cpu, batch, variant.options);
  omp_set_num_threads(threads);
  EXPECT_EQ(one.loss, three.loss);
  EXPECT_EQ(std::memcmp(&one.counters, &three.counters, sizeof one.counters), 0);
  EXPECT_EQ(one.dlogprob, three.dlogprob);
  EXPECT_EQ(one.dentropy, three.dentropy);
}

/** Contracts that hold for every backend, the reference included. */
class PolicyLoss : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (GetParam() == Backend::device) RLKD_REQUIRE_DEVICE();
  }
  Result run(const Batch& batch, const PolicyLossOptions& options) const {
    return kernels::run(GetParam(), batch, options);
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, PolicyLoss,
                         ::testing::Values(Backend::cpu, Backend::device, Backend::reference),
                         [](const auto& test) { return std::string(name_of(test.param)); });

/** One sequence of tokens with the given ratios (old = 0), all masked in. */
Batch ratios(const std::vector<double>& values, float advantage) {
  Batch batch{1, static_cast<int64_t>(values.size()), {}, {}, {}, {}, {}, {}, {}, {}};
  for (double value : values) {
    batch.logprob.push_back(static_cast<float>(std::log(value)));
    batch.old_logprob.push_back(0);
    batch.mask.push_back(1);
  }
  batch.advantages = {advantage};
  return batch;
}

/** grpo without accumulation. */
PolicyLossOptions plain(LossType type = LossType::grpo) {
  PolicyLossOptions options;
  options.loss_type = type;
  options.num_items_in_batch = 1;
  return options;
}

TEST_P(PolicyLoss, clips_a_good_token_above_and_a_bad_token_below) {
  const Tolerance fp32{1e-7, 1e-6};
  const Result good = run(ratios({1.5, 0.5, 1.1}, 2), plain());
  EXPECT_TRUE(close(good.loss, -2 * (1.2 + 0.5 + 1.1) / 3, fp32));
  EXPECT_EQ(good.dlogprob[0], 0);
  EXPECT_TRUE(close(good.dlogprob[1], -2 * 0.5 / 3, fp32));
  EXPECT_TRUE(close(good.dlogprob[2], -2 * 1.1 / 3, fp32));
  EXPECT_EQ(good.counters.clip_high_sum, 1);
  EXPECT_EQ(good.counters.clip_low_sum, 0);
  EXPECT_TRUE(close(good.counters.clip_high_max, 1.0 / 3, fp32));

  const Result bad = run(ratios({1.5, 0.5, 1.1}, -2), plain());
  EXPECT_TRUE(close(bad.loss, 2 * (1.5 + 0.8 + 1.1) / 3, fp32));
  EXPECT_TRUE(close(bad.dlogprob[0], 2 * 1.5 / 3, fp32));
  EXPECT_EQ(bad.dlogprob[1], 0);
  EXPECT_EQ(bad.counters.clip_low_sum, 1);
  EXPECT_EQ(bad.counters.clip_high_sum, 0);
}

TEST_P(PolicyLoss, delta_caps_the_unclipped_branch_for_both_signs) {
  PolicyLossOptions options = plain();
  options.delta = 3;
  const Tolerance fp32{1e-6, 1e-6};
  EXPECT_TRUE(close(run(ratios({5}, -1), options).loss, 3, fp32));
  EXPECT_EQ(run(ratios({5}, -1), options).dlogprob[0], 0);
  options.delta = 1.05;  // below the clip at 1.2
  EXPECT_TRUE(close(run(ratios({1.1}, 1), options).loss, -1.05, fp32));
  EXPECT_EQ(run(ratios({1.1}, 1), options).dlogprob[0], 0);
  EXPECT_EQ(run(ratios({1.5}, 1), options).counters.clip_high_sum, 0)
      << "the test is made on the capped ratio";
}

TEST_P(PolicyLoss, normalisers_weigh_tokens_as_their_papers_say) {
  // Two sequences of 1 and 3 tokens, ratio 1, advantages 1 and 2.
  Batch batch{2, 3, std::vector<float>(6, -1), {}, {}, {}, {}, {}, {1, 0, 0, 1, 1, 1}, {1, 2}};
  PolicyLossOptions options = plain();
  options.accumulation_steps = 4;
  options.steps_per_generation = 2;
  options.num_items_in_batch = 10;
  options.num_processes = 5;
  options.max_completion_length = 7;
  const auto loss_of = [&](LossType type) {
    options.loss_type = type;
    return run(batch, options).loss;
  };
  const Tolerance exact{1e-15, 1e-15};
  EXPECT_TRUE(close(loss_of(LossType::grpo), -(1 + 2) / 2.0 / 4, exact));
  EXPECT_TRUE(close(loss_of(LossType::luspo), -(1 + 6) / 2.0 / 4, exact));
  EXPECT_TRUE(close(loss_of(LossType::bnpo), -7.0 / 4 / 4, exact));
  EXPECT_TRUE(close(loss_of(LossType::dr_grpo), -7.0 / (2 * 7) / 4, exact));
  EXPECT_TRUE(close(loss_of(LossType::dapo), -7.0 / (10.0 / 5 * 4 / 2), exact));
  options.training = false;
  EXPECT_TRUE(close(loss_of(LossType::grpo), -(1 + 2) / 2.0, exact));
  EXPECT_TRUE(close(loss_of(LossType::dapo), -7.0 / (10.0 / 5), exact));
}

TEST_P(PolicyLoss, parts_of_a_micro_batch_add_up_to_it) {
  const Batch whole = random_batch(6, 8, {}, 12);
  for (LossType type : kLossTypes) {
    PolicyLossOptions options = options_of(type);
    options.beta = 0.1;
    options.entropy_coefficient = 0.02;
    const Result expected = run(whole, options);
    options.batch_sequences = 6;
    options.batch_tokens = tokens_of(whole);
    double loss = 0;
    std::vector<float> dlogprob;
    std::vector<float> dentropy;
    for (int64_t rows : {2, 4}) {
      const auto first = static_cast<std::ptrdiff_t>(dlogprob.size()) / 8;
      Batch part{rows, 8, {}, {}, {}, {}, {}, {}, {}, {}};
      for (auto field : {&Batch::logprob, &Batch::entropy, &Batch::old_logprob, &Batch::ref_logprob,
                         &Batch::mask, &Batch::advantages}) {
        const auto width = static_cast<std::ptrdiff_t>((whole.*field).size() / 6);
        const auto begin = (whole.*field).begin() + first * width;
        (part.*field).assign(begin, begin + rows * width);
      }
      const Result result = run(part, options);
      loss += result.loss;
      dlogprob.insert(dlogprob.end(), result.dlogprob.begin(), result.dlogprob.end());
      dentropy.insert(dentropy.end(), result.dentropy.begin(), result.dentropy.end());
    }
    EXPECT_TRUE(close(loss, expected.loss, Tolerance{1e-14, 1e-14})) << name_of(type);
    EXPECT_EQ(dlogprob, expected.dlogprob) << name_of(type);
    EXPECT_EQ(dentropy, expected.dentropy) << name_of(type);
  }
}

TEST_P(PolicyLoss, fully_masked_sequences_may_be_left_out_of_the_call) {
  // Row 3 of five is fully masked.
  const Batch whole = random_batch(5, 8, {}, 12);
  for (LossType type : kLossTypes) {
    PolicyLossOptions options = options_of(type);
    options.entropy_coefficient = 0.02;
    options.top_entropy_quantile = 0.4;
    const Result expected = run(whole, options);
    options.batch_sequences = 5;
    options.batch_tokens = tokens_of(whole);
    Batch active{4, 8, {}, {}, {}, {}, {}, {}, {}, {}};
    for (auto field :
         {&Batch::logprob, &Batch::entropy, &Batch::old_logprob, &Batch::mask, &Batch::advantages}) {
      const auto width = static_cast<std::ptrdiff_t>((whole.*field).size() / 5);
      active.*field = whole.*field;
      const auto masked = (active.*field).begin() + 3 * width;
      (active.*field).erase(masked, masked + width);
    }
    const Result actual = run(active, options);
    EXPECT_TRUE(close(actual.loss, expected.loss, Tolerance{1e-14, 1e-14})) << name_of(type);
    EXPECT_TRUE(all_close(actual.dlogprob, expected.dlogprob, 24, Tolerance{0, 0})) << name_of(type);
    EXPECT_TRUE(all_close(actual.dentropy, expected.dentropy, 24, Tolerance{0, 0})) << name_of(type);
  }
}

TEST_P(PolicyLoss, cispo_and_vespo_are_linear_in_logprob_with_their_weight_held) {
  // L = sum_t c_t l_t with constant c: the gradient times logprob is the loss.
  for (LossType type : {LossType::cispo, LossType::vespo}) {
    for (auto level : {ImportanceLevel::token, ImportanceLevel::sequence}) {
      for (const Given& given : {Given{}, Given{true, true, Given::Ratio::token, false}}) {
        const Batch batch = random_batch(9, 6, given, 5);
        const Result result = run(batch, options_of(type, level));
        double sum = 0;
        for (size_t k = 0; k < batch.logprob.size(); ++k) {
          if (batch.mask[k] != 0) sum += static_cast<double>(result.dlogprob[k]) * batch.logprob[k];
        }
        EXPECT_NE(result.loss, 0);
        EXPECT_TRUE(close(sum, result.loss, Tolerance{1e-7, 1e-6}));
      }
    }
  }
}

TEST_P(PolicyLoss, cispo_caps_its_weight_at_epsilon_high_itself) {
  PolicyLossOptions options = plain(LossType::cispo);
  options.epsilon_high = 1.5;
  const Result result = run(ratios({2, 0.1}, 1), options);
  EXPECT_TRUE(close(result.dlogprob[0], -1.5, Tolerance{1e-7, 1e-6}));
  EXPECT_TRUE(close(result.dlogprob[1], -0.1, Tolerance{1e-7, 1e-6}));
  EXPECT_EQ(result.counters.clip_high_sum, 1);
}

TEST_P(PolicyLoss, vespo_weighs_a_sequence_by_phi) {
  PolicyLossOptions options = plain(LossType::vespo);
  const double s = std::log(2.0) + std::log(0.7);
  const Result good = run(ratios({2, 0.7}, 1), options);
  const double phi = std::exp(3 + 2 * s - 3 * std::exp(s));
  EXPECT_TRUE(close(good.counters.vespo_phi_sum, phi, Tolerance{1e-7, 1e-6}));
  EXPECT_TRUE(close(good.dlogprob[1], -phi, Tolerance{1e-7, 1e-6}));
  const Result bad = run(ratios({2, 0.7}, -1), options);
  EXPECT_TRUE(
      close(bad.counters.vespo_phi_sum, std::exp(2 + 3 * s - 2 * std::exp(s)), Tolerance{1e-7, 1e-6}));
  // The sampler ratio enters s instead of multiplying the term.
  Batch sampled = ratios({2, 0.7}, 1);
  sampled.importance_ratio = {0.5f, 0};
  const double shifted = s + std::log(0.5) + std::log(1e-8);
  const double clipped = std::max(shifted, std::log(1e-8));
  EXPECT_TRUE(close(run(sampled, options).counters.vespo_phi_sum,
                    std::exp(3 + 2 * clipped - 3 * std::exp(clipped)), Tolerance{1e-20, 1e-6}));
}

TEST_P(PolicyLoss, sequence_level_shares_one_ratio_and_its_gradient) {
  PolicyLossOptions options = plain();
  options.importance_level = ImportanceLevel::sequence;
  const Result result = run(ratios({1.2, 0.9, 1.0}, 1), options);
  const double ratio = std::cbrt(1.2 * 0.9);
  EXPECT_TRUE(close(result.loss, -ratio, Tolerance{1e-7, 1e-6}));
  for (float gradient : result.dlogprob) EXPECT_TRUE(close(gradient, -ratio / 3, Tolerance{1e-7, 1e-6}));
  EXPECT_EQ(result.counters.ratios, 1);
}

TEST_P(PolicyLoss, off_policy_mask_drops_bad_sequences_that_have_drifted_and_keeps_good_ones) {
  Batch batch{3, 1, {-2, -2, -1}, {}, {}, {}, {-1, -1, -1}, {}, {1, 1, 1}, {1, -1, -1}};
  PolicyLossOptions options = plain();
  options.off_policy_threshold = 0.5;
  const Result result = run(batch, options);
  EXPECT_EQ(result.counters.off_policy_kept, 2);
  EXPECT_NE(result.dlogprob[0], 0);
  EXPECT_EQ(result.dlogprob[1], 0);
  EXPECT_NE(result.dlogprob[2], 0);
  batch.sampler_logprob[1] = kNaNf;
  EXPECT_EQ(run(batch, options).counters.off_policy_kept, 3) << "a NaN counts as no difference";
}

TEST_P(PolicyLoss, entropy_quantile_is_interpolated_over_the_masked_tokens) {
  Batch batch{1,  6, std::vector<float>(6, -1), {5, 1, 4, kNaNf, 2, 3}, {}, {}, {}, {}, {1, 1, 1, 0, 1, 1},
              {1}};
  PolicyLossOptions options = plain();
  const auto kept = [&](double quantile) {
    options.top_entropy_quantile = quantile;
    return run(batch, options).counters.entropy_kept;
  };
  EXPECT_EQ(kept(1), 5);
  EXPECT_EQ(kept(0.75), 4);  // threshold exactly 2, which is kept
  EXPECT_EQ(kept(0.7), 3);   // 2.2
  EXPECT_EQ(kept(0.5), 3);   // exactly 3
  EXPECT_EQ(kept(0.2), 1);   // 4.2
  EXPECT_EQ(kept(0), 1);     // 5
  options.top_entropy_quantile = 0.2;
  const Result result = run(batch, options);
  EXPECT_EQ(result.dlogprob, (std::vector<float>{-0.2f, 0, 0, 0, 0, 0})) << "the normaliser does not shrink";
}

TEST_P(PolicyLoss, entropy_bonus_is_the_mean_entropy_of_the_kept_tokens) {
  Batch batch{1, 4, std::vector<float>(4, -1), {1, 2, 3, 4}, {}, {}, {}, {}, {1, 1, 1, 1}, {0}};
  PolicyLossOptions options = plain();
  options.accumulation_steps = 2;
  options.entropy_coefficient = 0.1;
  Result result = run(batch, options);
  EXPECT_TRUE(close(result.loss, -0.1 * 2.5 / 2, Tolerance{1e-12, 0}));
  EXPECT_EQ(result.counters.policy_loss, 0);
  for (float gradient : result.dentropy) EXPECT_FLOAT_EQ(gradient, -0.1f / 4 / 2);
  options.top_entropy_quantile = 0.5;
  result = run(batch, options);
  EXPECT_TRUE(close(result.loss, -0.1 * 3.5 / 2, Tolerance{1e-12, 0}));
  EXPECT_EQ(result.dentropy[0], 0);
  EXPECT_FLOAT_EQ(result.dentropy[3], -0.1f / 2 / 2);
}

TEST_P(PolicyLoss, zero_advantages_give_exactly_zero) {
  for (LossType type : kLossTypes) {
    Batch batch = random_batch(4, 5, {}, 2);
    batch.advantages.assign(4, 0);
    const Result result = run(batch, options_of(type));
    EXPECT_EQ(result.loss, 0);
    for (float gradient : result.dlogprob) EXPECT_EQ(gradient, 0);
  }
}

TEST_P(PolicyLoss, a_batch_of_masked_tokens_alone_is_zero_and_has_no_ratios) {
  for (LossType type : kLossTypes) {
    Batch batch = random_batch(3, 4, {}, 2);
    for (auto field : {&Batch::logprob, &Batch::entropy, &Batch::old_logprob, &Batch::ref_logprob}) {
      (batch.*field).assign(12, kNaNf);
    }
    batch.mask.assign(12, 0);
    PolicyLossOptions options = options_of(type);
    options.beta = 0.1;
    options.entropy_coefficient = 0.1;
    options.top_entropy_quantile = 0.5;
    const Result result = run(batch, options);
    EXPECT_EQ(result.loss, 0);
    EXPECT_EQ(result.counters.tokens, 0);
    EXPECT_EQ(result.counters.ratios, 0);
    EXPECT_TRUE(std::isnan(result.counters.clip_low_min));
    EXPECT_TRUE(std::isnan(result.counters.clip_high_max));
    for (float gradient : result.dlogprob) EXPECT_EQ(gradient, 0);
    for (float gradient : result.dentropy) EXPECT_EQ(gradient, 0);
  }
}

TEST_P(PolicyLoss, an_overflowed_ratio_is_clipped_for_a_good_token_and_infinite_for_a_bad_one) {
  Batch batch = ratios({1}, 1);
  batch.logprob = {0};
  batch.old_logprob = {-2000};
  Result result = run(batch, plain());
  EXPECT_FLOAT_EQ(static_cast<float>(result.loss), -1.2f);
  EXPECT_EQ(result.dlogprob[0], 0);
  batch.advantages = {-1};
  EXPECT_EQ(run(batch, plain()).loss, kInf);
  PolicyLossOptions capped = plain();
  capped.delta = 4;
  EXPECT_EQ(run(batch, capped).loss, 4);
  EXPECT_EQ(run(batch, capped).dlogprob[0], 0);
  result = run(batch, plain(LossType::sapo));
  EXPECT_TRUE(close(result.loss, 4 / 1.05, kTolerance));
  EXPECT_EQ(result.dlogprob[0], 0);
  // Weight 0 and advantage 0 win over the overflow.
  batch.importance_ratio = {0};
  EXPECT_EQ(run(batch, plain()).loss, 0);
  batch.importance_ratio.clear();
  batch.advantages = {0};
  EXPECT_EQ(run(batch, plain()).loss, 0);
  EXPECT_EQ(run(batch, plain()).dlogprob[0], 0);
}

TEST_P(PolicyLoss, a_nan_on_a_masked_token_shows_in_loss_and_gradient) {
  for (LossType type : kLossTypes) {
    for (auto field : {&Batch::logprob, &Batch::old_logprob, &Batch::ref_logprob}) {
      if (is(type, {LossType::cispo, LossType::vespo}) && field == &Batch::old_logprob) continue;
      Batch batch = ratios({1.1, 0.9}, 1);
      batch.ref_logprob = {0, 0};
      (batch.*field)[1] = kNaNf;
      PolicyLossOptions options = options_of(type);
      options.beta = 0.1;
      const Result result = run(batch, options);
      EXPECT_TRUE(std::isnan(result.loss)) << name_of(type);
      EXPECT_TRUE(std::isnan(result.dlogprob[1])) << name_of(type);
    }
  }
}

TEST_P(PolicyLoss, works_without_the_optional_outputs) {
  const Batch batch = ratios({1.1, 0.9}, 1);
  const Input logprob(batch.logprob, 1, 0);
  const Input old_logprob(batch.old_logprob, 1, 0);
  const Input mask(batch.mask, 1, 0);
  const Input advantages(batch.advantages, 1, 0);
  const PolicyLossInputs inputs{logprob.view(),   {}, old_logprob.view(), {}, {}, {}, mask.view(),
                                advantages.view()};
  Guarded<double> loss(1);
  GuardedMatrix<float> dlogprob(1, 2);
  call(GetParam(), inputs, plain(), {loss.data(), dlogprob.view(), {}, nullptr});
  EXPECT_TRUE(close(loss[0], -1, Tolerance{1e-6, 1e-6}));
}

TEST_P(PolicyLoss, entropy_quantile_counts_equal_and_negative_entropies_by_their_value) {
  // Sorted: -1e-9, -0, 0, 0, 0.5, 0.5, 0.5, 3: rounding makes entropies of certain tokens negative.
  Batch batch{1,
              8,
              std::vector<float>(8, -1),
              {0.5f, 0, 0.5f, -0.0f, 3, 0, -1e-9f, 0.5f},
              {},
              {},
              {},
              {},
              std::vector<float>(8, 1),
              {1}};
  PolicyLossOptions options = plain();
  const auto kept = [&](double quantile) {
    options.top_entropy_quantile = quantile;
    return run(batch, options).counters.entropy_kept;
  };
  EXPECT_EQ(kept(1 - 0.5 / 7), 7);  // between -1e-9 and 0
  EXPECT_EQ(kept(1 - 1.0 / 7), 7);  // 0, of either sign
  EXPECT_EQ(kept(1 - 3.0 / 7), 7);
  EXPECT_EQ(kept(1 - 3.5 / 7), 4);  // 0.25
  EXPECT_EQ(kept(1 - 5.5 / 7), 4);  // 0.5, interpolated between equals
  EXPECT_EQ(kept(1 - 6.5 / 7), 1);  // 1.75
  batch.entropy[2] = kNaNf;
  EXPECT_EQ(kept(0.1), 8) << "a NaN switches the mask off";
}

TEST(PolicyLossDevice, device_gives_the_same_bits_twice) {
  RLKD_REQUIRE_DEVICE();
  const Batch batch = random_batch(11, 290, {true, true, Given::Ratio::token, false}, 19);
  for (LossType type : {LossType::bnpo, LossType::dapo, LossType::sapo, LossType::vespo}) {
    PolicyLossOptions options = options_of(type, ImportanceLevel::sequence);
    options.top_entropy_quantile = 0.4;
    options.entropy_coefficient = 0.1;
    options.beta = 0.1;
    const Result once = run(Backend::device, batch, options);
    const Result twice = run(Backend::device, batch, options);
    EXPECT_EQ(once.loss, twice.loss);
    EXPECT_EQ(std::memcmp(&once.counters, &twice.counters, sizeof once.counters), 0);
    EXPECT_EQ(once.dlogprob, twice.dlogprob);
    EXPECT_EQ(once.dentropy, twice.dentropy);
  }
}

}  // namespace
}  // namespace rlkd::kernels
