/* Comparators that fail on NaN and on inf unless both sides have the same, and name the element. */
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

namespace rlkd::kernels::test {

/** |actual - expected| <= absolute + relative * |expected|. */
struct Tolerance {
  double absolute;
  double relative;
};

inline bool is_close(double actual, double expected, Tolerance tolerance) {
  if (std::isnan(actual) || std::isnan(expected)) return false;
  if (std::isinf(actual) || std::isinf(expected)) return actual == expected;
  return std::abs(actual - expected) <= tolerance.absolute + tolerance.relative * std::abs(expected);
}

/** One number; NaN never passes: where NaN is the right answer say EXPECT_TRUE(std::isnan(x)). */
inline ::testing::AssertionResult close(double actual, double expected, Tolerance tolerance) {
  if (is_close(actual, expected, tolerance)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << actual << ", expected " << expected << " (difference " << actual - expected << ", allowed "
         << tolerance.absolute << " + " << tolerance.relative << " * |expected|)";
}

/** Two indexables of `size` elements; the first difference is reported. */
template <class A, class B>
::testing::AssertionResult all_close(const A& actual, const B& expected, int64_t size, Tolerance tolerance) {
  for (int64_t i = 0; i < size; ++i) {
    if (!is_close(actual[i], expected[i], tolerance)) {
      return ::testing::AssertionFailure() << "element " << i << " of " << size << ": "
                                           << close(actual[i], expected[i], tolerance).message();
    }
  }
  return ::testing::AssertionSuccess();
}

/** As all_close, but a NaN on both sides at the same place passes: for outputs whose NaN rows are part of the
 * contract. */
template <class A, class B>
::testing::AssertionResult all_close_or_both_nan(const A& actual, const B& expected, int64_t size,
                                                 Tolerance tolerance) {
  for (int64_t i = 0; i < size; ++i) {
    if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
    if (!is_close(actual[i], expected[i], tolerance)) {
      return ::testing::AssertionFailure() << "element " << i << " of " << size << ": "
                                           << close(actual[i], expected[i], tolerance).message();
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace rlkd::kernels::test
