#include "rlkd/kernels/swiglu.h"

#include <gtest/gtest.h>

#include <cmath>
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
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// One float exponential (2 ulp), a division and a few products. Near gate = -1.28 the slope of silu changes sign: what
// cancels there is of size 1.
constexpr Tolerance kTolerance{1e-6, 1e-6};

struct Shape {
  const char* name;
  int64_t rows;
  int64_t cols;
  int64_t gap = 0;     // elements between rows
  int64_t offset = 0;  // elements past a 64-byte boundary
  double deviation = 2;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> result = {
      {"no_rows", 0, 5},
      {"one_element", 1, 1},
      {"one_column", 9, 1},
      {"one_row", 1, 4864},
      {"cols_3", 4, 3},
      {"cols_7_unaligned", 5, 7, 1, 1},
      {"cols_one_short_of_a_register", 3, 15, 0, 1},
      {"cols_33", 6, 33, 3, 2},
      {"cols_256", 5, 256, 8},
      {"cols_1023_unaligned", 11, 1023, 0, 1},
      {"cols_1536", 20, 1536},
      {"gates_of_scale_100", 8, 500, 0, 0, 100},
      {"gates_of_scale_1e_minus_3", 8, 500, 0, 0, 1e-3},
  };
  return result;
}

template <class T>
struct Backend {
  const char* name;
  void (*forward)(Matrix<const T>, Matrix<const T>, Matrix<T>);
  void (*backward)(Matrix<const T>, Matrix<const T>, Matrix<const T>, Matrix<T>, Matrix<T>);
};

const Backend<float> kCpu{"cpu", cpu::swiglu_forward, cpu::swiglu_backward};
const Backend<float> kReference{"reference", reference::swiglu_forward, reference::swiglu_backward};

template <class T>
void device_forward(Matrix<const T> gate, Matrix<const T> up, Matrix<T> output) {
  EXPECT_TRUE(finished(cuda::swiglu_forward<T>(gate, up, output, nullptr)));
}

template <class T>
void device_backward(Matrix<const T> gate, Matrix<const T> up, Matrix<const T> doutput, Matrix<T> dgate,
                     Matrix<T> dup) {
  EXPECT_TRUE(finished(cuda::swiglu_backward<T>(gate, up, doutput, dgate, dup, nullptr)));
}

template <class T>
constexpr Backend<T> kDevice{"device", device_forward<T>, device_backward<T>};

/** gate and up are the halves of one matrix. */
template <class T>
struct Inputs {
  explicit Inputs(const Shape& s)
      : shape(s),
        halves(s.rows, 2 * s.cols, s.gap, {}, s.offset),
        doutput(s.rows, s.cols, s.gap, {}, s.offset) {
    Random random(static_cast<uint64_t>(s.rows * 1009 + s.cols));
    const auto normal = [&](double deviation) {
      return round_to<T>(static_cast<float>(random.normal(deviation)));
    };
    for (int64_t i = 0; i < s.rows; ++i) {
      for (int64_t j = 0; j < s.cols; ++j) {
        halves(i, j) = normal(s.deviation);
        halves(i, s.cols + j) = normal(1);
        doutput(i, j) = normal(1);
      }
    }
  }

  GuardedMatrix<T> matrix(int64_t gap) const {
    return {shape.rows, shape.cols, gap, poison<T>(), shape.offset};
  }
  Matrix<T> gate() { return {halves.view().data, shape.rows, shape.cols, halves.view().row_stride}; }
  Matrix<T> up() {
    return {halves.view().data + shape.cols, shape.rows, shape.cols, halves.view().row_stride};
  }

  Shape shape;
  GuardedMatrix<T> halves;
  GuardedMatrix<T> doutput;
};

template <class T>
void check_forward(const Backend<T>& backend, const Shape& shape) {
  Inputs<T> in(shape);
  auto actual = in.matrix(8);
  GuardedMatrix<float> expected(shape.rows, shape.cols);
  backend.forward(in.gate(), in.up(), actual.view());
  reference::swiglu_forward(Exact(in.gate()).matrix(), Exact(in.up()).matrix(), expected.view());
  EXPECT_TRUE(all_close<T>(actual.view(), expected.view(), kTolerance + rounding<T>()));
}

template <class T>
void check_backward(const Backend<T>& backend, const Shape& shape) {
  Inputs<T> in(shape);
  auto dgate = in.matrix(8), dup = in.matrix(16);
  GuardedMatrix<float> expected_dgate(shape.rows, shape.cols), expected_dup(shape.rows, shape.cols);
  backend.backward(in.gate(), in.up(), in.doutput.view(), dgate.view(), dup.view());
  reference::swiglu_backward(Exact(in.gate()).matrix(), Exact(in.up()).matrix(),
                             Exact(in.doutput.view()).matrix(), expected_dgate.view(), expected_dup.view());
  EXPECT_TRUE(all_close<T>(dgate.view(), expected_dgate.view(), kTolerance + rounding<T>()));
  EXPECT_TRUE(all_close<T>(dup.view(), expected_dup.view(), kTolerance + rounding<T>()));

  backend.backward(in.gate(), in.up(), in.doutput.view(), in.gate(), in.up());
  EXPECT_TRUE(same_numbers<T>(in.gate(), dgate.view()));
  EXPECT_TRUE(same_numbers<T>(in.up(), dup.view()));
}

class SwigluShapes : public ::testing::TestWithParam<Shape> {};

TEST_P(SwigluShapes, forward_agrees_with_the_reference) { check_forward(kCpu, GetParam()); }
TEST_P(SwigluShapes, backward_agrees_with_the_reference_also_in_place) { check_backward(kCpu, GetParam()); }

TEST_P(SwigluShapes, device_forward_agrees_with_the_reference) {
  RLKD_REQUIRE_DEVICE();
  check_forward(kDevice<float>, GetParam());
  check_forward(kDevice<bfloat16>, GetParam());
  check_forward(kDevice<float16>, GetParam());
}
TEST_P(SwigluShapes, device_backward_agrees_with_the_reference_also_in_place) {
  RLKD_REQUIRE_DEVICE();
  check_backward(kDevice<float>, GetParam());
  check_backward(kDevice<bfloat16>, GetParam());
  check_backward(kDevice<float16>, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Shapes, SwigluShapes, ::testing::ValuesIn(shapes()),
                         [](const auto& test) { return std::string(test.param.name); });

/** Memory that a device reaches too. */
using Floats = std::vector<float, SharedAllocator<float>>;

/** Contracts that hold for every backend, the reference included. */
class SwigluContract : public ::testing::TestWithParam<Backend<float>> {
 protected:
  void SetUp() override {
    if (GetParam().name == kDevice<float>.name) RLKD_REQUIRE_DEVICE();
  }

  // One gate in every place of a row, up = 1, doutput = 1: forward is silu, dgate its slope.
  struct Result {
    Floats output, dgate, dup;
  };
  Result run(float gate) {
    constexpr int64_t n = 19;
    const Floats gates(n, gate), ones(n, 1);
    Result result{Floats(n), Floats(n), Floats(n)};
    GetParam().forward({gates.data(), 1, n, n}, {ones.data(), 1, n, n}, {result.output.data(), 1, n, n});
    GetParam().backward({gates.data(), 1, n, n}, {ones.data(), 1, n, n}, {ones.data(), 1, n, n},
                        {result.dgate.data(), 1, n, n}, {result.dup.data(), 1, n, n});
    return result;
  }
};

TEST_P(SwigluContract, silu_has_its_textbook_values) {
  const Result zero = run(0), one = run(1), minus_one = run(-1);
  for (size_t i = 0; i < zero.output.size(); ++i) {
    EXPECT_EQ(zero.output[i], 0);
    EXPECT_TRUE(close(zero.dgate[i], 0.5, {1e-7, 0}));
    EXPECT_TRUE(close(one.output[i], 0.7310585786300049, {2e-7, 0}));
    EXPECT_TRUE(close(minus_one.output[i], -0.2689414213699951, {2e-7, 0}));
    EXPECT_TRUE(close(one.dgate[i], 0.9276705118714869, {3e-7, 0}));
    EXPECT_TRUE(close(minus_one.dup[i], -0.2689414213699951, {2e-7, 0}));
  }
}

TEST_P(SwigluContract, huge_gates_saturate_and_stay_finite) {
  for (const float magnitude : {90.0f, 1e4f, std::numeric_limits<float>::max()}) {
    const Result high = run(magnitude), low = run(-magnitude);
    for (size_t i = 0; i < high.output.size(); ++i) {
      EXPECT_EQ(high.output[i], magnitude);
      EXPECT_EQ(high.dgate[i], 1);
      EXPECT_TRUE(close(low.output[i], 0, {1e-35, 0}));
      EXPECT_TRUE(close(low.dgate[i], 0, {1e-35, 0}));
    }
  }
}

TEST_P(SwigluContract, undefined_gates_give_nan) {
  for (const float gate : {kNaN, -kInfinity}) {
    const Result result = run(gate);
    for (size_t i = 0; i < result.output.size(); ++i) {
      EXPECT_TRUE(std::isnan(result.output[i]));
      EXPECT_TRUE(std::isnan(result.dgate[i]));
      EXPECT_TRUE(std::isnan(result.dup[i]));
    }
  }
  const Result infinite = run(kInfinity);
  for (size_t i = 0; i < infinite.output.size(); ++i) {
    EXPECT_EQ(infinite.output[i], kInfinity);
    EXPECT_TRUE(std::isnan(infinite.dgate[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, SwigluContract, ::testing::Values(kCpu, kReference, kDevice<float>),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace rlkd::kernels::test
