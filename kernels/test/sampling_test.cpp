#include "rlkd/kernels/sampling.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "cpu/vector/kernels.h"
#include "rlkd/kernels/logprob.h"
#include "rlkd/kernels/philox.h"
#include "test/support/compare.h"
#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Parameters {
  float temperature = 1;
  int64_t top_k = 0;
  float top_p = 1;
  float min_p = 0;
  float repetition_penalty = 1;
  std::vector<int64_t> history = {};
};

/** Rows of logits with parameters of their own. */
class Batch {
 public:
  Batch(int64_t rows, int64_t vocab, int64_t gap = 0, int64_t offset = 0)
      : logits(rows, vocab, gap, 0, offset),
        parameters(static_cast<size_t>(rows)),
        gap_(gap),
        offset_(offset) {
    for (int64_t i = 0; i < rows; ++i) {
      seed.push_back(i * 7919 + 1);
      position.push_back(i);
    }
  }

  struct Drawn {
    std::vector<int64_t> tokens;
    std::vector<float> logprob;
  };

  Drawn with_cpu(size_t threads_of_workspace = 2) const {
    const int64_t vocab = logits.cols();
    const size_t bytes = threads_of_workspace * cpu::sampling_workspace_size_of_thread(vocab);
    Guarded<char> workspace(static_cast<int64_t>(bytes), 'w');
    return draw(logits, [&](const SamplingInputs& inputs, Vector<int64_t> tokens, Vector<float> logprob) {
      cpu::sampling(inputs, tokens, logprob, workspace.data(), bytes);
    });
  }
  Drawn with_reference() const { return draw(logits, reference::sampling); }

  /** On logits rounded to T. */
  template <class T>
  Drawn with_device() const {
    GuardedMatrix<T> rounded(logits.rows(), logits.cols(), gap_, {}, offset_);
    for (int64_t i = 0; i < logits.rows(); ++i) {
      for (int64_t j = 0; j < logits.cols(); ++j) rounded(i, j) = round_to<T>(logits(i, j));
    }
    Guarded<unsigned char> workspace(
        static_cast<int64_t>(cuda::sampling_workspace_size(logits.rows(), logits.cols())), 'w');
    return draw(
        rounded, [&](const SamplingInputsOf<T>& inputs, Vector<int64_t> tokens, Vector<float> logprob) {
          EXPECT_TRUE(finished(cuda::sampling<T>(inputs, tokens, logprob, workspace.data(), nullptr)));
        });
  }

  /** Makes the logits values of T. */
  template <class T>
  void round_logits() {
    for (int64_t i = 0; i < logits.rows(); ++i) {
      for (int64_t j = 0; j < logits.cols(); ++j) logits(i, j) = to_float(round_to<T>(logits(i, j)));
    }
  }

  GuardedMatrix<float> logits;
  std::vector<Parameters> parameters;
  std::vector<int64_t> seed, position;

 private:
  template <class T, class Kernel>
  Drawn draw(const GuardedMatrix<T>& rows_of_logits, Kernel kernel) const {
    std::vector<float> temperature, top_p, min_p, penalty;
    std::vector<int64_t> top_k, history, offsets{0};
    for (const Parameters& p : parameters) {
      temperature.push_back(p.temperature);
      top_k.push_back(p.top_k);
      top_p.push_back(p.top_p);
      min_p.push_back(p.min_p);
      penalty.push_back(p.repetition_penalty);
      history.insert(history.end(), p.history.begin(), p.history.end());
      offsets.push_back(static_cast<int64_t>(history.size()));
    }
    const Guarded<int64_t> seeds(seed), positions(position), k(top_k), tokens_before(history),
        history_offsets(offsets);
    const Guarded<float> temperatures(temperature), p(top_p), least(min_p), penalties(penalty);
    const SamplingInputsOf<T> inputs{rows_of_logits.view(), seeds.view(),     positions.view(),
                                     temperatures.view(),   k.view(),         p.view(),
                                     least.view(),          penalties.view(), tokens_before.view(),
                                     history_offsets.view()};
    Guarded<int64_t> tokens(logits.rows());
    Guarded<float> logprob(logits.rows());
    kernel(inputs, tokens.view(), logprob.view());
    return {tokens.values(), logprob.values()};
  }

  int64_t gap_;
  int64_t offset_;
};

bool has_device() {
  const char* reason = "";
  return cuda::device_available(&reason);
}

/** Equal rows, each at a position of its own. */
struct RepeatedRow : Batch {
  RepeatedRow(int64_t rows, const std::vector<float>& row, const Parameters& row_parameters)
      : Batch(rows, static_cast<int64_t>(row.size())) {
    for (int64_t i = 0; i < rows; ++i) {
      for (size_t j = 0; j < row.size(); ++j) logits(i, static_cast<int64_t>(j)) = row[j];
      parameters[static_cast<size_t>(i)] = row_parameters;
    }
  }
};

/** The set of tokens that rows of the same logits and parameters draw in 4000 positions. */
std::set<int64_t> support(const std::vector<float>& row, const Parameters& parameters) {
  const RepeatedRow batch(4000, row, parameters);
  const Batch::Drawn cpu = batch.with_cpu();
  EXPECT_EQ(cpu.tokens, batch.with_reference().tokens);
  if (has_device()) {
    const RepeatedRow few(16, row, parameters);
    EXPECT_EQ(few.with_device<float>().tokens, few.with_cpu().tokens);
  }
  return {cpu.tokens.begin(), cpu.tokens.end()};
}

std::vector<float> logs(const std::vector<double>& probabilities) {
  std::vector<float> result;
  for (const double p : probabilities) result.push_back(static_cast<float>(std::log(p)));
  return result;
}

using Set = std::set<int64_t>;

TEST(Philox, gives_the_published_known_answers) {
  // kat_vectors of Random123 1.14.0, philox4x32 10.
  using Words = std::vector<uint32_t>;
  const auto words = [](PhiloxWords counter, uint32_t key0, uint32_t key1) {
    const PhiloxWords random = philox4x32_10(counter, key0, key1);
    return Words(random.word, random.word + 4);
  };
  EXPECT_EQ(words({{0, 0, 0, 0}}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words({{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}}, 0xffffffff, 0xffffffff),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, uniform_numbers_fill_the_unit_interval) {
  double low = 1, high = 0, sum = 0;
  for (int64_t i = 0; i < 100000; ++i) {
    const double u = philox_uniform(-5, i - 50000);
    low = std::min(low, u);
    high = std::max(high, u);
    sum += u;
  }
  EXPECT_GE(low, 0);
  EXPECT_LT(low, 1e-3);
  EXPECT_LT(high, 1);
  EXPECT_GT(high, 1 - 1e-3);
  EXPECT_TRUE(close(sum / 100000, 0.5, {5e-3, 0}));  // 5.5 standard errors
}

TEST(Sampling, double_exponentials_err_by_less_than_two_units_in_the_last_place) {
  std::vector<float> x;
  for (float value = 0; value > -700; value -= 0.0137f) x.push_back(value);
  std::vector<double> e(x.size());
  cpu::vector_kernels().softmax_weights(x.data(), static_cast<int64_t>(x.size()), 0, 1, e.data());
  for (size_t i = 0; i < x.size(); ++i) {
    const long double exact = std::exp(static_cast<long double>(x[i]));
    const auto rounded = static_cast<double>(exact);
    const double ulp = std::nextafter(rounded, HUGE_VAL) - rounded;
    ASSERT_LT(std::abs(static_cast<double>(e[i] - exact)), 2 * ulp) << "exp(" << x[i] << ")";
  }
  EXPECT_EQ(e[0], 1) << "the weight of the largest score";
}

TEST(Sampling, draws_each_token_as_often_as_its_probability) {
  constexpr int64_t rows = 50000;
  const std::vector<double> p{0.3, 0.02, 0.25, 0.03, 0.1, 0.2, 0.06, 0.04};
  Batch batch(rows, 8);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < 8; ++j)
      batch.logits(i, j) = 2 * std::log(static_cast<float>(p[static_cast<size_t>(j)]));
    batch.parameters[static_cast<size_t>(i)].temperature = 2;
    batch.seed[static_cast<size_t>(i)] = 42;
  }
  const Batch::Drawn drawn = batch.with_cpu();
  std::vector<double> count(8, 0);
  for (const int64_t token : drawn.tokens) count.at(static_cast<size_t>(token)) += 1;
  double chi_square = 0;
  for (size_t j = 0; j < 8; ++j) {
    const double expected = p[j] * rows;
    chi_square += (count[j] - expected) * (count[j] - expected) / expected;
  }
  EXPECT_LT(chi_square, 24.3);  // 99.9 % of the chi-square distribution with 7 degrees of freedom
  EXPECT_GT(chi_square, 0.6);   // 0.1 %: better than chance would be no chance either
}

TEST(Sampling, top_k_keeps_the_k_largest_and_ties_with_the_last) {
  EXPECT_EQ(support({1, 3, 2, 0, 2.5f}, {1, 2}), (Set{1, 4}));
  EXPECT_EQ(support({1, 2, 2, 0, 3}, {1, 2}), (Set{1, 2, 4}));
  EXPECT_EQ(support({1, 1, 1}, {1, 5}), (Set{0, 1, 2}));
}

TEST(Sampling, top_p_keeps_the_smallest_set_that_reaches_it) {
  const std::vector<float> row = logs({0.1, 0.5, 0.25, 0.15});
  EXPECT_EQ(support(row, {1, 0, 0.45f}), (Set{1}));
  EXPECT_EQ(support(row, {1, 0, 0.7f}), (Set{1, 2}));
  EXPECT_EQ(support(row, {1, 0, 0.8f}), (Set{1, 2, 3}));
  EXPECT_EQ(support(row, {1, 0, 0.95f}), (Set{0, 1, 2, 3}));
  EXPECT_EQ(support(row, {1, 0, 0.0f}), (Set{1})) << "at least one token";
  EXPECT_EQ(support({0, 0, 0, 0}, {1, 0, 0.5f}), (Set{2, 3}))
      << "equal tokens by falling id, as torch.sort leaves them";
}

TEST(Sampling, top_p_counts_shares_of_what_top_k_left) {
  // Of {0.5, 0.25} the first alone has 2/3: enough for 0.6 only after renormalisation.
  EXPECT_EQ(support(logs({0.1, 0.5, 0.25, 0.15}), {1, 2, 0.6f}), (Set{1}));
  EXPECT_EQ(support(logs({0.1, 0.5, 0.25, 0.15}), {1, 0, 0.6f}), (Set{1, 2}));
}

TEST(Sampling, min_p_is_relative_to_the_most_likely_token) {
  const std::vector<float> row = logs({0.1, 0.5, 0.25, 0.15});
  EXPECT_EQ(support(row, {1, 0, 1, 0.25f}), (Set{1, 2, 3}));
  EXPECT_EQ(support(row, {1, 0, 1, 0.4f}), (Set{1, 2}));
  EXPECT_EQ(support(row, {1, 0, 1, 1.0f}), (Set{1}));
}

TEST(Sampling, truncation_sees_the_temperature) {
  // At temperature 2 the weights are the square roots: 0.5 -> 0.71, 0.25 -> 0.5, i.e. 0.71 of the largest.
  EXPECT_EQ(support(logs({0.5, 0.25, 0.125}), {2, 0, 1, 0.6f}), (Set{0, 1}));
  EXPECT_EQ(support(logs({0.5, 0.25, 0.125}), {1, 0, 1, 0.6f}), (Set{0}));
}

TEST(Sampling, repetition_penalty_divides_positive_and_multiplies_negative_logits_once) {
  // Greedy shows the order of penalised scores.
  EXPECT_EQ(support({2, 1.5f}, {0, 0, 1, 0, 1.5f, {0, 0, 0}}), (Set{1}));
  EXPECT_EQ(support({2, 1.2f}, {0, 0, 1, 0, 1.5f, {0, 0, 0}}), (Set{0})) << "2 / 1.5 > 1.2: penalised once";
  EXPECT_EQ(support({-1, -1.4f}, {0, 0, 1, 0, 1.5f, {0}}), (Set{1}));
  EXPECT_EQ(support({-1, -1.6f}, {0, 0, 1, 0, 1.5f, {0}}), (Set{0}));
}

TEST(Sampling, greedy_takes_the_lowest_id_of_equals) {
  EXPECT_EQ(support({1, 5, 5, 2}, {0}), (Set{1}));
  std::vector<float> wide(1000, 0);
  wide[700] = wide[900] = 1;
  EXPECT_EQ(support(wide, {0}), (Set{700}));
}

TEST(Sampling, a_token_of_logit_minus_infinity_is_never_drawn) {
  EXPECT_EQ(support({-kInfinity, 0, -kInfinity, 0, -kInfinity}, {1}), (Set{1, 3}));
  EXPECT_EQ(support({-kInfinity, 0, -kInfinity, 0, -kInfinity}, {1, 4, 0.9999f}), (Set{1, 3}));
}

std::vector<Batch::Drawn> with_every_backend(const Batch& batch) {
  std::vector<Batch::Drawn> drawn{batch.with_cpu(), batch.with_reference()};
  if (has_device()) drawn.push_back(batch.with_device<float>());
  return drawn;
}

TEST(Sampling, an_undefined_row_gives_minus_one_and_nan_and_spares_its_neighbours) {
  for (const float poison : {kNaN, kInfinity}) {
    for (const float temperature : {0.0f, 1.0f}) {
      Batch batch(3, 300);
      batch.logits(1, 299) = poison;
      for (Parameters& p : batch.parameters) p.temperature = temperature;
      for (const Batch::Drawn& drawn : with_every_backend(batch)) {
        EXPECT_EQ(drawn.tokens[1], -1);
        EXPECT_TRUE(std::isnan(drawn.logprob[1]));
        EXPECT_TRUE(close(drawn.logprob[0], -std::log(300.0), {1e-5, 0}));
        EXPECT_TRUE(close(drawn.logprob[2], -std::log(300.0), {1e-5, 0}));
      }
    }
  }
  Batch masked(1, 4);
  for (int64_t j = 0; j < 4; ++j) masked.logits(0, j) = -kInfinity;
  for (const Batch::Drawn& drawn : with_every_backend(masked)) {
    EXPECT_EQ(drawn.tokens[0], -1);
    EXPECT_TRUE(std::isnan(drawn.logprob[0]));
  }
}

struct Shape {
  const char* name;
  int64_t rows;
  int64_t vocab;
  int64_t gap = 0;
  int64_t offset = 0;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

/** Rows of all kinds: masked logits, ties, every parameter on and off. */
struct RandomBatch : Batch {
  explicit RandomBatch(const Shape& shape) : Batch(shape.rows, shape.vocab, shape.gap, shape.offset) {
    Random random(static_cast<uint64_t>(shape.vocab));
    for (int64_t i = 0; i < shape.rows; ++i) {
      const double deviation = random.uniform(0, 4);
      for (int64_t j = 0; j < shape.vocab; ++j) {
        // Rounded, so that ties are common.
        logits(i, j) = static_cast<float>(std::round(random.normal(deviation) * 16) / 16);
        if (random.uniform() < 0.01) logits(i, j) = -kInfinity;
      }
      logits(i, random.below(shape.vocab)) = 0;
      Parameters& p = parameters[static_cast<size_t>(i)];
      const auto sometimes = [&](double fraction) { return random.uniform() < fraction; };
      if (sometimes(0.9)) p.temperature = static_cast<float>(random.uniform(0.2, 2));
      if (sometimes(0.1)) p.temperature = 0;
      if (sometimes(0.5)) p.top_k = 1 + random.below(sometimes(0.5) ? 50 : 2 * shape.vocab);
      if (sometimes(0.5)) p.top_p = static_cast<float>(random.uniform());
      if (sometimes(0.3)) p.min_p = static_cast<float>(std::pow(random.uniform(), 4));
      if (sometimes(0.5)) p.repetition_penalty = static_cast<float>(random.uniform(0.8, 1.5));
      for (int64_t n = random.below(20); n > 0; --n) p.history.push_back(random.below(shape.vocab));
    }
  }
};

class SamplingShapes : public ::testing::TestWithParam<Shape> {
 protected:
  RandomBatch batch{GetParam()};
};

TEST_P(SamplingShapes, cpu_draws_the_tokens_of_the_reference) {
  const Batch::Drawn fast = batch.with_cpu();
  const Batch::Drawn expected = batch.with_reference();
  EXPECT_EQ(fast.tokens, expected.tokens);
  EXPECT_TRUE(all_close(fast.logprob, expected.logprob, GetParam().rows, {2e-6, 3e-7}));
}

TEST_P(SamplingShapes, logprob_has_the_bits_of_logprob_forward) {
  const Batch::Drawn drawn = batch.with_cpu();
  for (int64_t i = 0; i < GetParam().rows; ++i) {
    const auto row = static_cast<size_t>(i);
    const float temperature = batch.parameters[row].temperature == 0 ? 1 : batch.parameters[row].temperature;
    float logprob = kNaN, logsumexp = kNaN, entropy = kNaN;
    cpu::logprob_forward({batch.logits.view().row(i), 1, GetParam().vocab, 0}, {&drawn.tokens[row], 1},
                         temperature, {&logprob, 1}, {&entropy, 1}, {&logsumexp, 1});
    EXPECT_EQ(drawn.logprob[row], logprob);
  }
}

TEST_P(SamplingShapes, a_row_is_drawn_alike_alone_and_in_any_batch_and_with_any_threads) {
  const Batch::Drawn drawn = batch.with_cpu(2);
  EXPECT_EQ(batch.with_cpu(1).tokens, drawn.tokens);
  const int64_t rows = GetParam().rows;
  Batch reversed(rows, GetParam().vocab);
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t other = rows - 1 - i;
    for (int64_t j = 0; j < GetParam().vocab; ++j) reversed.logits(i, j) = batch.logits(other, j);
    reversed.parameters[static_cast<size_t>(i)] = batch.parameters[static_cast<size_t>(other)];
    reversed.seed[static_cast<size_t>(i)] = batch.seed[static_cast<size_t>(other)];
    reversed.position[static_cast<size_t>(i)] = batch.position[static_cast<size_t>(other)];
  }
  Batch::Drawn again = reversed.with_cpu(2);
  std::reverse(again.tokens.begin(), again.tokens.end());
  std::reverse(again.logprob.begin(), again.logprob.end());
  EXPECT_EQ(again.tokens, drawn.tokens);
  EXPECT_EQ(again.logprob, drawn.logprob);
}

INSTANTIATE_TEST_SUITE_P(Shapes, SamplingShapes,
                         ::testing::Values(Shape{"no_rows", 0, 5}, Shape{"one_token_vocab", 50, 1},
                                           Shape{"vocab_7", 500, 7, 1, 1}, Shape{"vocab_64", 500, 64},
                                           Shape{"vocab_257_one_over_a_block", 500, 257, 0, 1},
                                           Shape{"vocab_1000", 500, 1000, 24, 3},
                                           Shape{"gpt2_vocab", 20, 50257, 7, 1},
                                           Shape{"qwen_vocab", 4, 151936}),
                         [](const auto& test) { return std::string(test.param.name); });

/** The device draws the CPU's tokens from the same logits, with log-probs of the reference. */
template <class T>
void check_device(Batch&& batch) {
  batch.round_logits<T>();
  const Batch::Drawn expected = batch.with_cpu();
  const Batch::Drawn drawn = batch.with_device<T>();
  EXPECT_EQ(drawn.tokens, expected.tokens);
  // Float exponentials of 2 units in the last place, as in logprob_forward of a device.
  EXPECT_TRUE(all_close(drawn.logprob, batch.with_reference().logprob,
                        static_cast<int64_t>(drawn.logprob.size()), {4e-6, 6e-7}));
}

class SamplingDeviceShapes : public SamplingShapes {
 protected:
  void SetUp() override { RLKD_REQUIRE_DEVICE(); }
};

TEST_P(SamplingDeviceShapes, draws_the_tokens_of_the_cpu_float) { check_device<float>(std::move(batch)); }

TEST_P(SamplingDeviceShapes, draws_the_tokens_of_the_cpu_bfloat16) {
  check_device<bfloat16>(std::move(batch));
}

TEST_P(SamplingDeviceShapes, draws_the_tokens_of_the_cpu_float16) { check_device<float16>(std::move(batch)); }

INSTANTIATE_TEST_SUITE_P(Shapes, SamplingDeviceShapes,
                         ::testing::Values(Shape{"no_rows", 0, 5}, Shape{"one_token_vocab", 5, 1},
                                           Shape{"vocab_7", 12, 7, 1, 1}, Shape{"vocab_64", 10, 64},
                                           Shape{"vocab_257", 10, 257, 0, 1},
                                           Shape{"vocab_1000", 10, 1000, 24, 3},
                                           Shape{"vocab_over_the_sorted_list", 10, 5003, 5, 1},
                                           Shape{"gpt2_vocab", 3, 50257, 7, 1}),
                         [](const auto& test) { return std::string(test.param.name); });

/** A row of `vocab` logits from `logit(token)`, drawn with each of the parameters. */
struct OneRow : Batch {
  template <class Logit>
  OneRow(int64_t vocab, const std::vector<Parameters>& each, Logit logit)
      : Batch(static_cast<int64_t>(each.size()), vocab) {
    parameters = each;
    for (int64_t j = 0; j < vocab; ++j) {
      const auto value = static_cast<float>(logit(j));
      for (int64_t i = 0; i < logits.rows(); ++i) logits(i, j) = value;
    }
  }
};

TEST(SamplingDevice, cuts_equal_logits_by_their_ids) {
  RLKD_REQUIRE_DEVICE();
  const std::vector<Parameters> parameters{{1},           {1, 0, 0.5f},    {1, 0, 0.0f}, {0.3f, 0, 0.999f},
                                           {1, 4000, 1},  {2, 5000, 0.3f}, {1, 9000, 1}, {0},
                                           {1, 0, 1e-5f}, {1, 0, 0.25f, 1}};
  check_device<float>(OneRow(9000, parameters, [](int64_t) { return 0.0; }));
  check_device<float>(OneRow(9000, parameters, [](int64_t j) { return j < 6000 ? -3.0 : 2.0; }));
  check_device<float16>(OneRow(9000, parameters, [](int64_t j) { return j % 2 == 0 ? -0.0 : 0.0; }));
}

TEST(SamplingDevice, cuts_flat_distributions_of_many_tokens) {
  RLKD_REQUIRE_DEVICE();
  const std::vector<Parameters> parameters{
      {1}, {1, 0, 0.95f}, {1, 0, 0.2f}, {0.7f, 8000, 0.9f}, {1.3f, 3000, 1}, {1, 0, 0.99f, 0.9f}};
  for (const double deviation : {0.01, 1.0}) {
    Random random(7);
    check_device<float>(OneRow(20000, parameters, [&](int64_t) { return random.normal(deviation); }));
  }
}

TEST(SamplingDevice, takes_logits_of_every_magnitude) {
  RLKD_REQUIRE_DEVICE();
  const std::vector<Parameters> parameters{{1},
                                           {1, 0, 0.9f},
                                           {0.01f, 100, 1},
                                           {1e4f, 0, 0.9f},
                                           {1e30f, 700, 0.5f},
                                           {1e-30f},
                                           {0},
                                           {1, 0, 0.9f, 0, 1.3f, {0, 5, 5, 2999}}};
  Random random(8);
  check_device<float>(OneRow(3000, parameters, [&](int64_t) { return random.normal(1e4); }));
  check_device<float>(OneRow(3000, parameters, [&](int64_t j) {
    return j % 3 == 0 ? -std::numeric_limits<float>::max() : random.normal(1e-30);
  }));
  check_device<float>(OneRow(3000, parameters, [&](int64_t j) {
    return j == 17 ? std::numeric_limits<float>::max() : j % 2 == 0 ? -kInfinity : random.normal();
  }));
}

TEST(SamplingDevice, keeps_the_history_of_a_very_large_vocabulary_in_the_workspace) {
  RLKD_REQUIRE_DEVICE();
  constexpr int64_t vocab = (int64_t{1} << 18) + 77;
  EXPECT_EQ(cuda::sampling_workspace_size(3, vocab - 77), 0u);
  EXPECT_GT(cuda::sampling_workspace_size(3, vocab), 0u);
  const Parameters penalised{0, 0, 1, 0, 2, {vocab - 1, 3, vocab - 1}};
  OneRow batch(vocab, {penalised, {0}, penalised}, [](int64_t j) { return j % 1000 * 1e-3; });
  for (int64_t i = 0; i < 3; ++i) {
    batch.logits(i, vocab - 1) = 4;
    batch.logits(i, 3) = 5;
    batch.logits(i, 9) = 2.1f;
  }
  EXPECT_EQ(batch.with_device<float>().tokens, (std::vector<int64_t>{3, 3, 3}));
  batch.parameters[2].repetition_penalty = 3;
  EXPECT_EQ(batch.with_device<float>().tokens, (std::vector<int64_t>{3, 3, 9}));
}

TEST(SamplingDevice, rows_depend_on_nothing_but_the_row) {
  RLKD_REQUIRE_DEVICE();
  const RandomBatch batch({"alone", 6, 3001});
  const Batch::Drawn together = batch.with_device<float>();
  for (size_t i = 0; i < together.tokens.size(); ++i) {
    Batch alone(1, 3001);
    for (int64_t j = 0; j < 3001; ++j) alone.logits(0, j) = batch.logits(static_cast<int64_t>(i), j);
    alone.parameters[0] = batch.parameters[i];
    alone.seed[0] = batch.seed[i];
    alone.position[0] = batch.position[i];
    const Batch::Drawn drawn = alone.with_device<float>();
    EXPECT_EQ(drawn.tokens[0], together.tokens[i]);
    EXPECT_EQ(drawn.logprob[0], together.logprob[i]);
  }
}

}  // namespace
}  // namespace rlkd::kernels::test
