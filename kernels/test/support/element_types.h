/* Inputs and tolerances of tests that run for float, bfloat16 and float16. */
#pragma once

#include <cstdint>
#include <vector>

#include "rlkd/kernels/dtypes.h"
#include "rlkd/kernels/views.h"
#include "test/support/compare.h"
#include "test/support/guarded.h"

namespace rlkd::kernels::test {

/** What a rounding of the result to T adds to the error of float arithmetic. */
template <class T>
constexpr Tolerance rounding();
template <>
constexpr Tolerance rounding<float>() {
  return {0, 0};
}
template <>
constexpr Tolerance rounding<bfloat16>() {
  return {0, 0x1p-8};
}
template <>
constexpr Tolerance rounding<float16>() {
  return {0x1p-24, 0x1p-10};
}

constexpr Tolerance operator+(Tolerance a, Tolerance b) {
  return {a.absolute + b.absolute, a.relative + b.relative};
}

/** A matrix as the reference takes it: the same values, as floats, compact. */
class Exact {
 public:
  template <class T>
  explicit Exact(Matrix<T> matrix) : rows_(matrix.rows), cols_(matrix.cols) {
    for (int64_t i = 0; i < rows_; ++i) {
      for (int64_t j = 0; j < cols_; ++j) values_.push_back(to_float(matrix(i, j)));
    }
  }
  template <class T>
  explicit Exact(Vector<T> vector) : Exact(Matrix<T>{vector.data, 1, vector.size, vector.size}) {}

  Matrix<const float> matrix() const { return {values_.data(), rows_, cols_, cols_}; }
  Vector<const float> vector() const { return {values_.data(), rows_ * cols_}; }

 private:
  int64_t rows_;
  int64_t cols_;
  std::vector<float> values_;
};

/** Every element of `actual`; its rows and columns are those of `expected`. */
template <class T>
::testing::AssertionResult all_close(Matrix<const T> actual, Matrix<const float> expected,
                                     Tolerance tolerance) {
  for (int64_t i = 0; i < expected.rows; ++i) {
    for (int64_t j = 0; j < expected.cols; ++j) {
      const ::testing::AssertionResult result = close(to_float(actual(i, j)), expected(i, j), tolerance);
      if (!result) return ::testing::AssertionFailure() << "[" << i << ", " << j << "]: " << result.message();
    }
  }
  return ::testing::AssertionSuccess();
}

/** The same numbers in both, none of them NaN. */
template <class T>
::testing::AssertionResult same_numbers(Matrix<const T> actual, Matrix<const T> expected) {
  return all_close(actual, Exact(expected).matrix(), Tolerance{0, 0});
}

}  // namespace rlkd::kernels::test
