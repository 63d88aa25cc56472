#include "rlkd/kernels/linear.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "test/support/compare.h"
#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Shape {
  const char* name;
  int64_t rows;
  int64_t in;
  std::vector<int64_t> outs;
  int64_t gap = 0;     // elements between rows
  int64_t offset = 0;  // elements past a 64-byte boundary
  double scale = 1;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> result = {
      {"no_rows", 0, 5, {4}},
      {"no_outputs", 3, 5, {0}},
      {"one_element", 1, 1, {1}},
      {"in_below_a_register", 3, 3, {5}, 1, 1},
      {"in_one_past_a_register", 7, 17, {9}, 3, 1},
      {"outputs_not_a_multiple_of_the_tile", 2, 32, {1, 2, 3, 6}},
      {"rows_of_every_remainder_5", 5, 40, {8}},
      {"rows_of_every_remainder_11", 11, 40, {8}},
      {"rows_at_the_end_of_the_memory_bound_path", 24, 64, {30}, 2, 3},
      {"rows_past_the_memory_bound_path", 25, 64, {30}, 2, 3},
      {"query_key_value_of_a_small_model", 16, 256, {256, 128, 128}, 16},
      {"several_panels_and_threads", 64, 200, {1001, 7}, 8},
      {"one_row_of_a_vocabulary", 1, 96, {4099}},
      {"values_of_scale_1e18", 9, 130, {33}, 0, 0, 1e18},
      {"values_of_scale_1e_minus_18", 9, 130, {33}, 0, 0, 1e-18},
  };
  return result;
}

/** One part with its own gap, so that a stride taken from the wrong matrix shows. */
struct Part {
  GuardedMatrix<float> weight;
  Guarded<float> bias;
  GuardedMatrix<float> output;
  bool biased;

  Part(const Shape& shape, int64_t outs, bool with_bias, Random& random)
      : weight(outs, shape.in, shape.gap, 0, shape.offset),
        bias(outs, 0, shape.offset),
        output(shape.rows, outs, shape.gap + 5, poison<float>(), shape.offset),
        biased(with_bias) {
    for (int64_t j = 0; j < outs; ++j) {
      bias[j] = static_cast<float>(random.normal(shape.scale));
      for (int64_t k = 0; k < shape.in; ++k) weight(j, k) = static_cast<float>(random.normal(shape.scale));
    }
  }
  LinearPart view() {
    return {weight.view(), biased ? Vector<const float>(bias.view()) : Vector<const float>{}, output.view()};
  }
};

struct Call {
  GuardedMatrix<float> input;
  std::vector<std::unique_ptr<Part>> parts;

  explicit Call(const Shape& shape) : input(shape.rows, shape.in, shape.gap + 1, 0, shape.offset) {
    Random random(static_cast<uint64_t>(shape.rows * 131 + shape.in));
    for (int64_t i = 0; i < shape.rows; ++i) {
      for (int64_t k = 0; k < shape.in; ++k) input(i, k) = static_cast<float>(random.normal());
    }
    for (const int64_t outs : shape.outs) {
      parts.push_back(std::make_unique<Part>(shape, outs, parts.size() % 2 == 0, random));
    }
  }
  template <class F>
  void run(F linear, bool accumulate = false) {
    std::vector<LinearPart> views;
    for (const auto& part : parts) views.push_back(part->view());
    linear(input.view(), views.data(), static_cast<int64_t>(views.size()), accumulate);
  }
};

class LinearShapes : public ::testing::TestWithParam<Shape> {};

TEST_P(LinearShapes, agrees_with_the_reference) {
  const Shape& shape = GetParam();
  Call actual(shape), expected(shape);
  actual.run(cpu::linear);
  expected.run(reference::linear);
  for (size_t p = 0; p < shape.outs.size(); ++p) {
    for (int64_t i = 0; i < shape.rows; ++i) {
      for (int64_t j = 0; j < shape.outs[p]; ++j) {
        double magnitude = std::abs(static_cast<double>(actual.parts[p]->bias[j]));
        for (int64_t k = 0; k < shape.in; ++k) {
          magnitude += std::abs(static_cast<double>(actual.input(i, k)) * actual.parts[p]->weight(j, k));
        }
        const double allowed = (static_cast<double>(shape.in) / 4 + 8) * 0x1p-24 * magnitude;
        ASSERT_TRUE(close(actual.parts[p]->output(i, j), expected.parts[p]->output(i, j), {allowed, 0}))
            << "part " << p << " [" << i << ", " << j << "]";
      }
    }
  }
}

TEST_P(LinearShapes, a_row_has_the_same_bits_alone_and_among_others) {
  const Shape& shape = GetParam();
  Call together(shape);
  together.run(cpu::linear);
  for (int64_t i = 0; i < shape.rows; ++i) {
    for (size_t p = 0; p < shape.outs.size(); ++p) {
      GuardedMatrix<float> alone(1, shape.outs[p]);
      LinearPart part = together.parts[p]->view();
      part.output = alone.view();
      const Matrix<const float> all = together.input.view();
      cpu::linear({all.row(i), 1, all.cols, all.row_stride}, &part, 1, false);
      for (int64_t j = 0; j < shape.outs[p]; ++j) ASSERT_EQ(alone(0, j), together.parts[p]->output(i, j));
    }
  }
}

TEST_P(LinearShapes, accumulating_adds_the_same_product_to_what_is_there) {
  const Shape& shape = GetParam();
  Call product(shape), sum(shape);
  product.run(cpu::linear);
  for (const auto& part : sum.parts) {
    for (int64_t i = 0; i < shape.rows; ++i) {
      for (int64_t j = 0; j < part->output.cols(); ++j) part->output(i, j) = static_cast<float>(i - 2 * j);
    }
  }
  sum.run(cpu::linear, true);
  for (size_t p = 0; p < shape.outs.size(); ++p) {
    for (int64_t i = 0; i < shape.rows; ++i) {
      for (int64_t j = 0; j < shape.outs[p]; ++j) {
        ASSERT_EQ(sum.parts[p]->output(i, j), product.parts[p]->output(i, j) + static_cast<float>(i - 2 * j));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LinearShapes, ::testing::ValuesIn(shapes()),
                         [](const auto& test) { return std::string(test.param.name); });

using Backend = void (*)(Matrix<const float>, const LinearPart*, int64_t, bool);

class LinearContract : public ::testing::TestWithParam<Backend> {};

TEST_P(LinearContract, a_known_product_has_its_value) {
  const std::vector<float> x{1, 2, 3}, w{4, 5, 6, -1, 0, 1}, bias{0.5f, -2};
  std::vector<float> y(2, kNaN);
  const LinearPart part{{w.data(), 2, 3, 3}, {bias.data(), 2}, {y.data(), 1, 2, 2}};
  GetParam()({x.data(), 1, 3, 3}, &part, 1, false);
  EXPECT_EQ(y, (std::vector<float>{32.5f, 0}));
  GetParam()({x.data(), 1, 3, 3}, &part, 1, true);
  EXPECT_EQ(y, (std::vector<float>{65, 0}));
}

TEST_P(LinearContract, a_nan_stays_in_its_row_and_an_infinity_in_its_output) {
  constexpr int64_t rows = 8, in = 37, outs = 6;
  std::vector<float> x(rows * in, 1), w(outs * in, 1), y(rows * outs, -1);
  x[3 * in + 36] = kNaN;
  w[5 * in + 20] = kInfinity;
  const LinearPart part{{w.data(), outs, in, in}, {}, {y.data(), rows, outs, outs}};
  GetParam()({x.data(), rows, in, in}, &part, 1, false);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < outs; ++j) {
      const float value = y[static_cast<size_t>(i * outs + j)];
      if (i == 3) {
        EXPECT_TRUE(std::isnan(value)) << i << ", " << j;
      } else {
        EXPECT_EQ(value, j == 5 ? kInfinity : static_cast<float>(in)) << i << ", " << j;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, LinearContract, ::testing::Values(cpu::linear, reference::linear),
                         [](const auto& test) { return test.index == 0 ? "cpu" : "reference"; });

TEST(Linear, results_do_not_depend_on_the_number_of_threads) {
  const Shape shape{"", 20, 300, {700, 90}};
  const auto run = [&](int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    Call call(shape);
    call.run(cpu::linear);
    omp_set_num_threads(before);
    std::vector<float> values;
    for (const auto& part : call.parts) {
      for (int64_t i = 0; i < shape.rows; ++i) {
        for (int64_t j = 0; j < part->output.cols(); ++j) values.push_back(part->output(i, j));
      }
    }
    return values;
  };
  EXPECT_EQ(run(1), run(3));
}

}  // namespace
}  // namespace rlkd::kernels::test
