#include "rlkd/kernels/rope.h"

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

// Two float products and their sum, of unit-normal inputs.
constexpr Tolerance kTolerance{5e-7, 2e-7};

struct Shape {
  const char* name;
  int64_t rows;
  int64_t heads;
  int64_t half;        // of the head dimension
  int64_t gap = 0;     // elements between rows
  int64_t offset = 0;  // elements past a 64-byte boundary
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> result = {
      {"no_rows", 0, 2, 8},
      {"one_pair", 1, 1, 1},
      {"head_dim_2_unaligned", 5, 3, 1, 1, 1},
      {"head_dim_6", 4, 2, 3},
      {"head_dim_30_unaligned", 7, 2, 15, 1, 1},
      {"head_dim_34", 7, 3, 17, 2},
      {"head_dim_64", 33, 14, 32},
      {"head_dim_80", 9, 4, 40, 16},
      {"head_dim_96_unaligned", 9, 4, 48, 0, 3},
      {"head_dim_128", 20, 8, 64, 256},
      {"head_dim_256", 3, 2, 128},
      {"one_row_of_many_heads", 1, 64, 64},
  };
  return result;
}

template <class T>
struct Backend {
  const char* name;
  using Function = void (*)(Matrix<const T>, Vector<const int64_t>, Matrix<const float>, Matrix<const float>,
                            Matrix<T>);
  Function forward;
  Function backward;
};

const Backend<float> kCpu{"cpu", cpu::rope_forward, cpu::rope_backward};
const Backend<float> kReference{"reference", reference::rope_forward, reference::rope_backward};

template <class T>
void device_forward(Matrix<const T> input, Vector<const int64_t> positions, Matrix<const float> cosine,
                    Matrix<const float> sine, Matrix<T> output) {
  EXPECT_TRUE(finished(cuda::rope_forward<T>(input, positions, cosine, sine, output, nullptr)));
}

template <class T>
void device_backward(Matrix<const T> doutput, Vector<const int64_t> positions, Matrix<const float> cosine,
                     Matrix<const float> sine, Matrix<T> dinput) {
  EXPECT_TRUE(finished(cuda::rope_backward<T>(doutput, positions, cosine, sine, dinput, nullptr)));
}

template <class T>
constexpr Backend<T> kDevice{"device", device_forward<T>, device_backward<T>};

constexpr int64_t kTableRows = 300;

template <class T>
struct Inputs {
  explicit Inputs(const Shape& s)
      : shape(s),
        input(s.rows, 2 * s.half * s.heads, s.gap, {}, s.offset),
        positions(s.rows, 0),
        cosine(kTableRows, s.half, s.half, 0, s.offset),
        sine(kTableRows, s.half, 4 * s.offset, 0, s.offset) {
    Random random(static_cast<uint64_t>(s.rows * 1009 + s.heads * 31 + s.half));
    for (int64_t r = 0; r < s.rows; ++r) {
      positions[r] = random.below(kTableRows);
      for (int64_t j = 0; j < input.cols(); ++j)
        input(r, j) = round_to<T>(static_cast<float>(random.normal()));
    }
    for (int64_t p = 0; p < kTableRows; ++p) {
      for (int64_t i = 0; i < s.half; ++i) {
        const double frequency = std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(s.half));
        cosine(p, i) = static_cast<float>(std::cos(static_cast<double>(p) * frequency));
        sine(p, i) = static_cast<float>(std::sin(static_cast<double>(p) * frequency));
      }
    }
  }

  GuardedMatrix<T> matrix() const {
    return {shape.rows, input.cols(), 2 * shape.gap, poison<T>(), shape.offset};
  }
  template <class U>
  void run(typename Backend<U>::Function function, Matrix<const U> from, Matrix<U> to) const {
    function(from, positions.view(), cosine.view(), sine.view(), to);
  }

  Shape shape;
  GuardedMatrix<T> input;
  Guarded<int64_t> positions;
  GuardedMatrix<float> cosine, sine;
};

template <class T>
Matrix<const T> constant(const GuardedMatrix<T>& matrix) {
  return matrix.view();
}

template <class T>
void check_agreement(const Backend<T>& backend, const Shape& shape) {
  const Inputs<T> in(shape);
  const Exact exact(in.input.view());
  auto actual = in.matrix();
  GuardedMatrix<float> expected(shape.rows, in.input.cols());
  in.template run<T>(backend.forward, constant(in.input), actual.view());
  in.template run<float>(kReference.forward, exact.matrix(), expected.view());
  EXPECT_TRUE(all_close(constant(actual), constant(expected), kTolerance + rounding<T>()));
  in.template run<T>(backend.backward, constant(in.input), actual.view());
  in.template run<float>(kReference.backward, exact.matrix(), expected.view());
  EXPECT_TRUE(all_close(constant(actual), constant(expected), kTolerance + rounding<T>()));
}

template <class T>
void check_in_place(const Backend<T>& backend, const Shape& shape) {
  for (const auto function : {backend.forward, backend.backward}) {
    Inputs<T> in(shape);
    auto apart = in.matrix();
    in.template run<T>(function, constant(in.input), apart.view());
    in.template run<T>(function, constant(in.input), in.input.view());
    EXPECT_TRUE(same_numbers(constant(in.input), constant(apart)));
  }
}

class RopeShapes : public ::testing::TestWithParam<Shape> {};

TEST_P(RopeShapes, forward_and_backward_agree_with_the_reference) { check_agreement(kCpu, GetParam()); }
TEST_P(RopeShapes, in_place_gives_the_bits_of_out_of_place) { check_in_place(kCpu, GetParam()); }

TEST_P(RopeShapes, device_forward_and_backward_agree_with_the_reference) {
  RLKD_REQUIRE_DEVICE();
  check_agreement(kDevice<float>, GetParam());
  check_agreement(kDevice<bfloat16>, GetParam());
  check_agreement(kDevice<float16>, GetParam());
}
TEST_P(RopeShapes, device_in_place_gives_the_bits_of_out_of_place) {
  RLKD_REQUIRE_DEVICE();
  check_in_place(kDevice<float>, GetParam());
  check_in_place(kDevice<bfloat16>, GetParam());
  check_in_place(kDevice<float16>, GetParam());
}

TEST_P(RopeShapes, backward_undoes_forward) {
  const Inputs<float> in(GetParam());
  auto turned = in.matrix(), back = in.matrix();
  in.run<float>(kCpu.forward, constant(in.input), turned.view());
  in.run<float>(kCpu.backward, constant(turned), back.view());
  EXPECT_TRUE(all_close(constant(back), constant(in.input), {1e-6, 0}));
}

INSTANTIATE_TEST_SUITE_P(Shapes, RopeShapes, ::testing::ValuesIn(shapes()),
                         [](const auto& test) { return std::string(test.param.name); });

/** Memory that a device reaches too. */
using Floats = std::vector<float, SharedAllocator<float>>;
using Positions = std::vector<int64_t, SharedAllocator<int64_t>>;

/** Contracts that hold for every backend, the reference included. */
class RopeContract : public ::testing::TestWithParam<Backend<float>> {
 protected:
  void SetUp() override {
    if (GetParam().name == kDevice<float>.name) RLKD_REQUIRE_DEVICE();
  }
};

TEST_P(RopeContract, dimension_i_turns_with_dimension_i_plus_half_by_its_own_angle) {
  // Position 1 turns the first pair by 90 degrees and the second by 180; position 0 turns nothing.
  const Floats cosine{1, 1, 0, -1}, sine{0, 0, 1, 0}, x{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8};
  const Positions positions{1, 0};
  Floats out(16, kNaN);
  GetParam().forward({x.data(), 2, 8, 8}, {positions.data(), 2}, {cosine.data(), 2, 2, 2},
                     {sine.data(), 2, 2, 2}, {out.data(), 2, 8, 8});
  EXPECT_EQ(out, (Floats{-3, -2, 1, -4, -7, -6, 5, -8, 1, 2, 3, 4, 5, 6, 7, 8}));
  GetParam().backward({x.data(), 2, 8, 8}, {positions.data(), 2}, {cosine.data(), 2, 2, 2},
                      {sine.data(), 2, 2, 2}, {out.data(), 2, 8, 8});
  EXPECT_EQ(out, (Floats{3, -2, -1, -4, 7, -6, -5, -8, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_P(RopeContract, a_table_scaled_by_a_factor_scales_both_passes) {
  const Floats cosine{0}, sine{1.5f}, x{2, 3};
  const Positions position{0};
  Floats out(2, kNaN);
  GetParam().forward({x.data(), 1, 2, 2}, {position.data(), 1}, {cosine.data(), 1, 1, 1},
                     {sine.data(), 1, 1, 1}, {out.data(), 1, 2, 2});
  EXPECT_EQ(out, (Floats{-4.5f, 3}));
  GetParam().backward({x.data(), 1, 2, 2}, {position.data(), 1}, {cosine.data(), 1, 1, 1},
                      {sine.data(), 1, 1, 1}, {out.data(), 1, 2, 2});
  EXPECT_EQ(out, (Floats{4.5f, -3}));
}

TEST_P(RopeContract, a_nan_stays_in_its_pair) {
  const Floats cosine(33, 0.6f), sine(33, 0.8f);
  Floats x(132, 1), out(132, 0);
  x[66 + 40] = kNaN;
  const Positions position{0};
  GetParam().forward({x.data(), 1, 132, 132}, {position.data(), 1}, {cosine.data(), 1, 33, 33},
                     {sine.data(), 1, 33, 33}, {out.data(), 1, 132, 132});
  for (size_t j = 0; j < out.size(); ++j) EXPECT_EQ(std::isnan(out[j]), j == 66 + 40 || j == 66 + 7) << j;
}

INSTANTIATE_TEST_SUITE_P(Backends, RopeContract, ::testing::Values(kCpu, kReference, kDevice<float>),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace rlkd::kernels::test
