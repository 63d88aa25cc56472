#include "rlkd/kernels/rmsnorm.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "test/support/compare.h"
#include "test/support/element_types.h"
#include "test/support/guarded.h"
#include "test/support/random.h"

namespace rlkd::kernels::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kEpsilon = 1e-6f;

// Three float products an element; sums over a row add nothing that shows.
constexpr Tolerance kForward{1e-6, 5e-7};
// A square root, a quotient and the tree of a sum.
constexpr Tolerance kInverse{0, 4e-7};
// The two terms of dinput may cancel: an error of either is relative to the term, which is of size 1 / rms.
constexpr Tolerance kBackward{3e-6, 2e-6};

/** A float sum of unit-normal terms: its rounding errors add up as the terms do. */
Tolerance dweight_tolerance(int64_t rows) {
  return {1e-6 * (3 + std::sqrt(static_cast<double>(rows))), 2e-6};
}

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
      {"cols_beyond_shared_memory", 2, 25001},
      {"inputs_of_scale_1e3", 6, 300, 0, 0, 1e3},
      {"inputs_of_scale_1e_minus_4", 6, 300, 0, 0, 1e-4},
  };
  return result;
}

/** A backend for elements of type T. */
template <class T>
struct Backend {
  using Type = T;
  const char* name;
  void (*forward)(Matrix<const T>, Matrix<const T>, Vector<const T>, float, Matrix<T>, Matrix<T>,
                  Vector<float>);
  void (*backward)(Matrix<const T>, Vector<const T>, Vector<const float>, Matrix<const T>, Matrix<T>,
                   Vector<float>);
};

const Backend<float> kCpu{"cpu", cpu::rmsnorm_forward, cpu::rmsnorm_backward};
const Backend<float> kReference{"reference", reference::rmsnorm_forward, reference::rmsnorm_backward};

template <class T>
void device_forward(Matrix<const T> input, Matrix<const T> residual, Vector<const T> weight, float epsilon,
                    Matrix<T> sum, Matrix<T> output, Vector<float> inverse_rms) {
  EXPECT_TRUE(finished(
      cuda::rmsnorm_forward<T>(input, residual, weight, epsilon, sum, output, inverse_rms, nullptr)));
}

template <class T>
void device_backward(Matrix<const T> input, Vector<const T> weight, Vector<const float> inverse_rms,
                     Matrix<const T> doutput, Matrix<T> dinput, Vector<float> dweight) {
  Guarded<unsigned char> workspace(
      dweight ? static_cast<int64_t>(cuda::rmsnorm_backward_workspace_size(input.rows, input.cols)) : 0);
  EXPECT_TRUE(finished(cuda::rmsnorm_backward<T>(input, weight, inverse_rms, doutput, dinput, dweight,
                                                 workspace.data(), nullptr)));
}

template <class T>
constexpr Backend<T> kDevice{"device", device_forward<T>, device_backward<T>};

template <class T>
void fill(GuardedMatrix<T>& matrix, Random& random, double deviation) {
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    for (int64_t j = 0; j < matrix.cols(); ++j) {
      matrix(i, j) = round_to<T>(static_cast<float>(random.normal(deviation)));
    }
  }
}

template <class T>
struct Inputs {
  explicit Inputs(const Shape& s)
      : shape(s),
        random(static_cast<uint64_t>(s.rows * 1009 + s.cols)),
        input(s.rows, s.cols, s.gap, {}, s.offset),
        residual(s.rows, s.cols, s.gap, {}, s.offset),
        doutput(s.rows, s.cols, s.gap, {}, s.offset),
        weight(s.cols, {}, s.offset) {
    fill(input, random, s.deviation);
    fill(residual, random, s.deviation);
    fill(doutput, random, 1);
    for (int64_t j = 0; j < s.cols; ++j) {
      weight[j] = round_to<T>(static_cast<float>(1 + random.normal(0.2)));
    }
  }

  GuardedMatrix<T> matrix() const { return {shape.rows, shape.cols, shape.gap, poison<T>(), shape.offset}; }

  Shape shape;
  Random random;
  GuardedMatrix<T> input, residual, doutput;
  Guarded<T> weight;
};

template <class T>
Matrix<const T> constant(const GuardedMatrix<T>& matrix) {
  return matrix.view();
}

template <class T>
void check_forward(const Backend<T>& backend, const Shape& shape) {
  const Inputs<T> in(shape);
  auto output = in.matrix(), without_inverse = in.matrix();
  GuardedMatrix<float> expected(shape.rows, shape.cols);
  Guarded<float> inverse_rms(shape.rows), expected_inverse(shape.rows);
  backend.forward(in.input.view(), {}, in.weight.view(), kEpsilon, {}, output.view(), inverse_rms.view());
  reference::rmsnorm_forward(Exact(in.input.view()).matrix(), {}, Exact(in.weight.view()).vector(), kEpsilon,
                             {}, expected.view(), expected_inverse.view());
  EXPECT_TRUE(all_close(constant(output), constant(expected), kForward + rounding<T>()));
  EXPECT_TRUE(all_close(inverse_rms, expected_inverse, shape.rows, kInverse));

  backend.forward(in.input.view(), {}, in.weight.view(), kEpsilon, {}, without_inverse.view(), {});
  EXPECT_TRUE(same_numbers(constant(without_inverse), constant(output)));
}

template <class T>
void check_residual(const Backend<T>& backend, const Shape& shape) {
  const Inputs<T> in(shape);
  auto sum = in.matrix(), output = in.matrix(), expected = in.matrix();
  backend.forward(in.input.view(), in.residual.view(), in.weight.view(), kEpsilon, sum.view(), output.view(),
                  {});
  for (int64_t i = 0; i < shape.rows; ++i) {
    for (int64_t j = 0; j < shape.cols; ++j) {
      const float exact = to_float(in.input(i, j)) + to_float(in.residual(i, j));
      ASSERT_EQ(to_float(sum(i, j)), to_float(round_to<T>(exact))) << i << ", " << j;
    }
  }
  backend.forward(constant(sum), {}, in.weight.view(), kEpsilon, {}, expected.view(), {});
  EXPECT_TRUE(same_numbers(constant(output), constant(expected)));

  for (GuardedMatrix<T> Inputs<T>::*replaced : {&Inputs<T>::input, &Inputs<T>::residual}) {
    Inputs<T> changed(shape);
    auto in_place = in.matrix();
    backend.forward(constant(changed.input), constant(changed.residual), in.weight.view(), kEpsilon,
                    (changed.*replaced).view(), in_place.view(), {});
    EXPECT_TRUE(same_numbers(constant(changed.*replaced), constant(sum)));
    EXPECT_TRUE(same_numbers(constant(in_place), constant(output)));
  }
}

template <class T>
void check_backward(const Backend<T>& backend, const Shape& shape) {
  const Inputs<T> in(shape);
  const int64_t rows = shape.rows, cols = shape.cols;
  const Exact input(in.input.view()), weight(in.weight.view()), doutput(in.doutput.view());
  GuardedMatrix<float> output(rows, cols), expected(rows, cols);
  Guarded<float> inverse_rms(rows), dweight(cols), dweight_alone(cols), expected_dweight(cols);
  reference::rmsnorm_forward(input.matrix(), {}, weight.vector(), kEpsilon, {}, output.view(),
                             inverse_rms.view());
  const Vector<const float> r{inverse_rms.data(), rows};
  auto dinput = in.matrix(), dinput_alone = in.matrix();
  backend.backward(in.input.view(), in.weight.view(), r, in.doutput.view(), dinput.view(), dweight.view());
  reference::rmsnorm_backward(input.matrix(), weight.vector(), r, doutput.matrix(), expected.view(),
                              expected_dweight.view());
  for (int64_t i = 0; i < rows; ++i) {
    const Tolerance scaled{kBackward.absolute * r[i], kBackward.relative};
    const Matrix<const T> actual_row{dinput.view().row(i), 1, cols, cols};
    const Matrix<const float> expected_row{expected.view().row(i), 1, cols, cols};
    EXPECT_TRUE(all_close(actual_row, expected_row, scaled + rounding<T>())) << "row " << i;
  }
  EXPECT_TRUE(all_close(dweight, expected_dweight, cols, dweight_tolerance(rows)));

  backend.backward(in.input.view(), in.weight.view(), r, in.doutput.view(), dinput_alone.view(), {});
  backend.backward(in.input.view(), in.weight.view(), r, in.doutput.view(), {}, dweight_alone.view());
  EXPECT_TRUE(same_numbers(constant(dinput_alone), constant(dinput)));
  EXPECT_EQ(dweight_alone.values(), dweight.values());
}

class RmsnormShapes : public ::testing::TestWithParam<Shape> {};

TEST_P(RmsnormShapes, forward_agrees_with_the_reference) { check_forward(kCpu, GetParam()); }
TEST_P(RmsnormShapes, a_residual_gives_the_norm_of_the_stored_sum) { check_residual(kCpu, GetParam()); }
TEST_P(RmsnormShapes, backward_agrees_with_the_reference) { check_backward(kCpu, GetParam()); }

TEST_P(RmsnormShapes, device_forward_agrees_with_the_reference) {
  RLKD_REQUIRE_DEVICE();
  check_forward(kDevice<float>, GetParam());
  check_forward(kDevice<bfloat16>, GetParam());
  check_forward(kDevice<float16>, GetParam());
}
TEST_P(RmsnormShapes, device_residual_gives_the_norm_of_the_stored_sum) {
  RLKD_REQUIRE_DEVICE();
  check_residual(kDevice<float>, GetParam());
  check_residual(kDevice<bfloat16>, GetParam());
  check_residual(kDevice<float16>, GetParam());
}
TEST_P(RmsnormShapes, device_backward_agrees_with_the_reference) {
  RLKD_REQUIRE_DEVICE();
  check_backward(kDevice<float>, GetParam());
  check_backward(kDevice<bfloat16>, GetParam());
  check_backward(kDevice<float16>, GetParam());
}

TEST(Rmsnorm, device_blocks_of_the_backward_pass_take_several_rows) {
  RLKD_REQUIRE_DEVICE();
  check_backward(kDevice<float>, {"narrow", 2070, 11});
  check_backward(kDevice<bfloat16>, {"wide", 515, 1032});
}

INSTANTIATE_TEST_SUITE_P(Shapes, RmsnormShapes, ::testing::ValuesIn(shapes()),
                         [](const auto& test) { return std::string(test.param.name); });

/** Memory that a device reaches too. */
using Floats = std::vector<float, SharedAllocator<float>>;

/** Contracts that hold for every backend, the reference included. */
class RmsnormContract : public ::testing::TestWithParam<Backend<float>> {
 protected:
  void SetUp() override {
    if (GetParam().name == kDevice<float>.name) RLKD_REQUIRE_DEVICE();
  }
};

TEST_P(RmsnormContract, a_known_row_has_its_textbook_values) {
  const Floats x{3, -4}, weight{1, 2};
  Floats out(2, kNaN), r(1, kNaN);
  GetParam().forward({x.data(), 1, 2, 2}, {}, {weight.data(), 2}, 0, {}, {out.data(), 1, 2, 2},
                     {r.data(), 1});
  EXPECT_TRUE(close(r[0], 1 / std::sqrt(12.5), {1e-7, 0}));
  EXPECT_TRUE(close(out[0], 3 / std::sqrt(12.5), {1e-6, 0}));
  EXPECT_TRUE(close(out[1], -8 / std::sqrt(12.5), {1e-6, 0}));
}

TEST_P(RmsnormContract, epsilon_is_added_to_the_mean_square) {
  const Floats x{0, 0, 0}, weight{1, 1, 1};
  Floats out(3, kNaN), r(1, kNaN);
  GetParam().forward({x.data(), 1, 3, 3}, {}, {weight.data(), 3}, 0.25f, {}, {out.data(), 1, 3, 3},
                     {r.data(), 1});
  EXPECT_EQ(r[0], 2);
  for (const float value : out) EXPECT_EQ(value, 0);
}

TEST_P(RmsnormContract, gradients_are_slopes_of_the_forward_pass) {
  constexpr int64_t rows = 2, cols = 5;
  Random random(3);
  Floats x(rows * cols), weight(cols), doutput(rows * cols), out(rows * cols), r(rows);
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
  Floats dinput(rows * cols, kNaN), dweight(cols, kNaN);
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
  Floats x(rows * cols, 1), weight(cols, 1), doutput(rows * cols, 1), out(rows * cols), r(rows);
  x[cols + 68] = kNaN;
  GetParam().forward({x.data(), rows, cols, cols}, {}, {weight.data(), cols}, kEpsilon, {},
                     {out.data(), rows, cols, cols}, {r.data(), rows});
  Floats dinput(rows * cols), dweight(cols);
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
  const Floats weight(300, 1);
  Floats dweight(300, kNaN);
  GetParam().backward({nullptr, 0, 300, 300}, {weight.data(), 300}, {}, {nullptr, 0, 300, 300}, {},
                      {dweight.data(), 300});
  for (const float value : dweight) EXPECT_EQ(value, 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, RmsnormContract, ::testing::Values(kCpu, kReference, kDevice<float>),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Rmsnorm, results_do_not_depend_on_the_number_of_threads) {
  const Inputs<float> in({"", 70, 1000, 0, 0, 1});
  const auto run = [&](int threads) {
    omp_set_num_threads(threads);
    Floats result(70 * 1000 * 2 + 70 + 1000, kNaN);
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
