#include "rlkd/kernels/rmsnorm.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "test/support/compare.h"
#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kEpsilon = 1e-6f;

// Three float products an element; sums over a row add nothing that shows.
constexpr Tolerance kForward{1e-6, 5e-7};
// The two terms of dinput may cancel: an error of either is relative to the term. dweight sums up to some hundred
// rows of unit-normal products.
constexpr Tolerance kBackward{3e-6, 2e-6};

struct Shape {
  const char* name;
  int64_t rows;
  int64_t cols;
  int64_t gap = 0;     // elements between rows
  int64_t offset = 0;  // elements past a 64-byte boundary
  double deviation = 1;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> result = {
      {"no_rows", 0, 5},
      {"one_element", 1, 1},
      {"one_column", 9, 1},
      {"one_row", 1, 896},
      {"cols_3", 4, 3},
      {"cols_7_unaligned", 5, 7, 1, 1},
      {"cols_one_short_of_a_register", 3, 15, 0, 1},
      {"cols_33", 6, 33, 3, 2},
      {"head_norm_of_64", 40, 64},
      {"cols_255", 7, 255, 1, 3},
      {"cols_257", 7, 257},
      {"qwen_896", 37, 896, 8},
      {"cols_1023_unaligned", 11, 1023, 0, 1},
      {"llama_4096", 5, 4096},
      {"cols_5001", 3, 5001, 2, 1},
      {"many_rows", 600, 24},
      {"inputs_of_scale_1e4", 6, 300, 0, 0, 1e4},
      {"inputs_of_scale_1e_minus_4", 6, 300, 0, 0, 1e-4},
  };
  return result;
}

/** A backend for elements of type T. */
template <class T>
struct Backend {
  const char* name;
  void (*forward)(Matrix<const T>, Matrix<const T>, Vector<const T>, float, Matrix<T>, Matrix<T>,
                  Vector<float>);
  void (*backward)(Matrix<const T>, Vector<const T>, Vector<const float>, Matrix<const T>, Matrix<T>,
                   Vector<float>);
};

const Backend<float> kCpu{"cpu", cpu::rmsnorm_forward, cpu::rmsnorm_backward};
const Backend<float> kReference{"reference", reference::rmsnorm_forward, reference::rmsnorm_backward};

void fill(GuardedMatrix<float>& matrix, Random& random, double deviation) {
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    for (int64_t j = 0; j < matrix.cols(); ++j) matrix(i, j) = static_cast<float>(random.normal(deviation));
  }
}

struct Inputs {
  explicit Inputs(const Shape& s)
      : shape(s),
        random(static_cast<uint64_t>(s.rows * 1009 + s.cols)),
        input(s.rows, s.cols, s.gap, 0, s.offset),
        residual(s.rows, s.cols, s.gap + 2, 0, s.offset),
        doutput(s.rows, s.cols, s.gap + 1, 0, s.offset),
        weight(s.cols, 0, s.offset) {
    fill(input, random, s.deviation);
    fill(residual, random, s.deviation);
    fill(doutput, random, 1);
    for (int64_t j = 0; j < s.cols; ++j) weight[j] = static_cast<float>(1 + random.normal(0.2));
  }

  GuardedMatrix<float> matrix() const { return {shape.rows, shape.cols, shape.gap, kNaN, shape.offset}; }

  Shape shape;
  Random random;
  GuardedMatrix<float> input, residual, doutput;
  Guarded<float> weight;
};

void expect_close(const GuardedMatrix<float>& actual, const GuardedMatrix<float>& expected,
                  Tolerance tolerance) {
  for (int64_t i = 0; i < expected.rows(); ++i) {
    EXPECT_TRUE(all_close(actual.view().row(i), expected.view().row(i), expected.cols(), tolerance))
        << "row " << i;
  }
}

void expect_same_bits(const GuardedMatrix<float>& actual, const GuardedMatrix<float>& expected) {
  for (int64_t i = 0; i < expected.rows(); ++i) {
    for (int64_t j = 0; j < expected.cols(); ++j) ASSERT_EQ(actual(i, j), expected(i, j)) << i << ", " << j;
  }
}

class RmsnormShapes : public ::testing::TestWithParam<Shape> {};

TEST_P(RmsnormShapes, forward_agrees_with_the_reference) {
  const Inputs in(GetParam());
  auto output = in.matrix(), expected = in.matrix();
  Guarded<float> inverse_rms(in.shape.rows), expected_inverse(in.shape.rows);
  kCpu.forward(in.input.view(), {}, in.weight.view(), kEpsilon, {}, output.view(), inverse_rms.view());
  kReference.forward(in.input.view(), {}, in.weight.view(), kEpsilon, {}, expected.view(),
                     expected_inverse.view());
  expect_close(output, expected, kForward);
  EXPECT_TRUE(all_close(inverse_rms, expected_inverse, in.shape.rows, Tolerance{0, 2e-7}));

  auto without_inverse = in.matrix();
  kCpu.forward(in.input.view(), {}, in.weight.view(), kEpsilon, {}, without_inverse.view(), {});
  expect_same_bits(without_inverse, output);
}

TEST_P(RmsnormShapes, with_a_residual_it_is_the_norm_of_the_stored_sum) {
  const Inputs in(GetParam());
  auto sum = in.matrix(), output = in.matrix(), expected = in.matrix();
  kCpu.forward(in.input.view(), in.residual.view(), in.weight.view(), kEpsilon, sum.view(), output.view(),
               {});
  for (int64_t i = 0; i < in.shape.rows; ++i) {
    for (int64_t j = 0; j < in.shape.cols; ++j) {
      ASSERT_EQ(sum(i, j), in.input(i, j) + in.residual(i, j)) << i << ", " << j;
    }
  }
  kCpu.forward(std::as_const(sum).view(), {}, in.weight.view(), kEpsilon, {}, expected.view(), {});
  expect_same_bits(output, expected);
}

TEST_P(RmsnormShapes, the_sum_may_replace_either_addend) {
  Inputs in(GetParam());
  auto sum = in.matrix(), output = in.matrix(), in_place = in.matrix();
  kCpu.forward(in.input.view(), in.residual.view(), in.weight.view(), kEpsilon, sum.view(), output.view(),
               {});
  Inputs first(GetParam()), second(GetParam());
  kCpu.forward(first.input.view(), first.residual.view(), in.weight.view(), kEpsilon, first.input.view(),
               in_place.view(), {});
  expect_same_bits(first.input, sum);
  expect_same_bits(in_place, output);
  kCpu.forward(second.input.view(), second.residual.view(), in.weight.view(), kEpsilon,
               second.residual.view(), in_place.view(), {});
  expect_same_bits(second.residual, sum);
  expect_same_bits(in_place, output);
}

TEST_P(RmsnormShapes, backward_agrees_with_the_reference) {
  const Inputs in(GetParam());
  const int64_t rows = in.shape.rows, cols = in.shape.cols;
  auto output = in.matrix(), dinput = in.matrix(), expected = in.matrix();
  Guarded<float> inverse_rms(rows), dweight(cols), expected_dweight(cols);
  kReference.forward(in.input.view(), {}, in.weight.view(), kEpsilon, {}, output.view(), inverse_rms.view());
  const Vector<const float> r{inverse_rms.data(), rows};
  kCpu.backward(in.input.view(), in.weight.view(), r, in.doutput.view(), dinput.view(), dweight.view());
  kReference.backward(in.input.view(), in.weight.view(), r, in.doutput.view(), expected.view(),
                      expected_dweight.view());
  // dinput is in units of 1 / input.
  expect_close(dinput, expected, {kBackward.absolute / in.shape.deviation, kBackward.relative});
  EXPECT_TRUE(all_close(dweight, expected_dweight, cols, kBackward));

  auto dinput_alone = in.matrix();
  Guarded<float> dweight_alone(cols);
  kCpu.backward(in.input.view(), in.weight.view(), r, in.doutput.view(), dinput_alone.view(), {});
  kCpu.backward(in.input.view(), in.weight.view(), r, in.doutput.view(), {}, dweight_alone.view());
  expect_same_bits(dinput_alone, dinput);
  EXPECT_EQ(dweight_alone.values(), dweight.values());
}

INSTANTIATE_TEST_SUITE_P(Cpu, RmsnormShapes, ::testing::ValuesIn(shapes()),
                         [](const auto& test) { return std::string(test.param.name); });

/** Contracts that hold for every backend, the reference included. */
class RmsnormContract : public ::testing::TestWithParam<Backend<float>> {};

TEST_P(RmsnormContract, a_known_row_has_its_textbook_values) {
  const std::vector<float> x{3, -4}, weight{1, 2};
  float out[2] = {kNaN, kNaN}, r = kNaN;
  GetParam().forward({x.data(), 1, 2, 2}, {}, {weight.data(), 2}, 0, {}, {out, 1, 2, 2}, {&r, 1});
  EXPECT_TRUE(close(r, 1 / std::sqrt(12.5), {1e-7, 0}));
  EXPECT_TRUE(close(out[0], 3 / std::sqrt(12.5), {1e-6, 0}));
  EXPECT_TRUE(close(out[1], -8 / std::sqrt(12.5), {1e-6, 0}));
}

TEST_P(RmsnormContract, epsilon_is_added_to_the_mean_square) {
  const std::vector<float> x{0, 0, 0}, weight{1, 1, 1};
  float out[3] = {kNaN, kNaN, kNaN}, r = kNaN;
  GetParam().forward({x.data(), 1, 3, 3}, {}, {weight.data(), 3}, 0.25f, {}, {out, 1, 3, 3}, {&r, 1});
  EXPECT_EQ(r, 2);
  for (const float value : out) EXPECT_EQ(value, 0);
}

TEST_P(RmsnormContract, gradients_are_slopes_of_the_forward_pass) {
  constexpr int64_t rows = 2, cols = 5;
  Random random(3);
  std::vector<float> x(rows * cols), weight(cols), doutput(rows * cols), out(rows * cols), r(rows);
  for (float& value : x) value = static_cast<float>(random.normal());
  for (float& value : weight) value = static_cast<float>(random.normal());
  for (float& value : doutput) value = static_cast<float>(random.normal());
  const auto loss = [&] {
    GetParam().forward({x.data(), rows, cols, cols}, {}, {weight.data(), cols}, kEpsilon, {},
                       {out.data(), rows, cols, cols}, {r.data(), rows});
    double total = 0;
    for (size_t i = 0; i < out.size(); ++i) total += static_cast<double>(out[i]) * doutput[i];
    return total;
  };
  loss();
  std::vector<float> dinput(rows * cols, kNaN), dweight(cols, kNaN);
  GetParam().backward({x.data(), rows, cols, cols}, {weight.data(), cols}, {r.data(), rows},
                      {doutput.data(), rows, cols, cols}, {dinput.data(), rows, cols, cols},
                      {dweight.data(), cols});
  const auto expect_slope = [&](float& variable, float gradient) {
    const float at = variable;
    variable = at + 0.01f;
    const double above = loss(), up = variable;
    variable = at - 0.01f;
    const double slope = (above - loss()) / (up - variable);
    variable = at;
    EXPECT_TRUE(close(gradient, slope, {2e-3, 1e-3}));
  };
  for (size_t i = 0; i < x.size(); ++i) expect_slope(x[i], dinput[i]);
  for (size_t j = 0; j < weight.size(); ++j) expect_slope(weight[j], dweight[j]);
}

TEST_P(RmsnormContract, a_nan_stays_in_its_row_and_reaches_dweight) {
  constexpr int64_t rows = 3, cols = 70;
  std::vector<float> x(rows * cols, 1), weight(cols, 1), doutput(rows * cols, 1), out(rows * cols), r(rows);
  x[cols + 68] = kNaN;
  GetParam().forward({x.data(), rows, cols, cols}, {}, {weight.data(), cols}, kEpsilon, {},
                     {out.data(), rows, cols, cols}, {r.data(), rows});
  std::vector<float> dinput(rows * cols), dweight(cols);
  GetParam().backward({x.data(), rows, cols, cols}, {weight.data(), cols}, {r.data(), rows},
                      {doutput.data(), rows, cols, cols}, {dinput.data(), rows, cols, cols},
                      {dweight.data(), cols});
  for (int64_t i = 0; i < rows * cols; ++i) {
    EXPECT_EQ(std::isnan(out[static_cast<size_t>(i)]), i / cols == 1) << i;
    EXPECT_EQ(std::isnan(dinput[static_cast<size_t>(i)]), i / cols == 1) << i;
  }
  for (const float value : dweight) EXPECT_TRUE(std::isnan(value));
}

TEST_P(RmsnormContract, dweight_of_no_rows_is_zero) {
  const std::vector<float> weight(300, 1);
  std::vector<float> dweight(300, kNaN);
  GetParam().backward({nullptr, 0, 300, 300}, {weight.data(), 300}, {}, {nullptr, 0, 300, 300}, {},
                      {dweight.data(), 300});
  for (const float value : dweight) EXPECT_EQ(value, 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, RmsnormContract, ::testing::Values(kCpu, kReference),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Rmsnorm, results_do_not_depend_on_the_number_of_threads) {
  const Inputs in({"", 70, 1000, 0, 0, 1});
  const auto run = [&](int threads) {
    omp_set_num_threads(threads);
    std::vector<float> result(70 * 1000 * 2 + 70 + 1000, kNaN);
    float* output = result.data();
    float* dinput = output + 70 * 1000;
    float* inverse_rms = dinput + 70 * 1000;
    cpu::rmsnorm_forward(in.input.view(), {}, in.weight.view(), kEpsilon, {}, {output, 70, 1000, 1000},
                         {inverse_rms, 70});
    cpu::rmsnorm_backward(in.input.view(), in.weight.view(), {inverse_rms, 70}, in.doutput.view(),
                          {dinput, 70, 1000, 1000}, {inverse_rms + 70, 1000});
    return result;
  };
  EXPECT_EQ(run(1), run(3));
}

}  // namespace
}  // namespace rlkd::kernels::test
