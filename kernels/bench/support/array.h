/* Reproducible inputs with memory, and the views of them that kernels take. */
#pragma once

#include <cstdint>
#include <vector>

#include "rlkd/kernels/views.h"
#include "test/support/random.h"

namespace rlkd::kernels::bench {

/** `rows` rows of `cols` elements without gaps, 0 at first. */
template <class T>
struct Array {
  Array(int64_t row_count, int64_t column_count)
      : rows(row_count), cols(column_count), values(static_cast<size_t>(rows * cols)) {}

  Matrix<T> matrix() { return {values.data(), rows, cols, cols}; }
  Matrix<const T> matrix() const { return {values.data(), rows, cols, cols}; }
  Vector<T> vector() { return {values.data(), rows * cols}; }
  Vector<const T> vector() const { return {values.data(), rows * cols}; }

  int64_t rows, cols;
  std::vector<T> values;
};

inline Array<float> normal(test::Random& random, int64_t rows, int64_t cols, double deviation = 1) {
  Array<float> array(rows, cols);
  for (float& x : array.values) x = static_cast<float>(random.normal(deviation));
  return array;
}

inline Array<float> uniform(test::Random& random, int64_t rows, int64_t cols, double low, double high) {
  Array<float> array(rows, cols);
  for (float& x : array.values) x = static_cast<float>(random.uniform(low, high));
  return array;
}

/** In [0, bound). */
inline Array<int64_t> integers(test::Random& random, int64_t size, int64_t bound) {
  Array<int64_t> array(size, 1);
  for (int64_t& x : array.values) x = random.below(bound);
  return array;
}

/** 0, step, 2 step, ... */
inline Array<int64_t> multiples(int64_t size, int64_t step) {
  Array<int64_t> array(size, 1);
  for (int64_t i = 0; i < size; ++i) array.values[static_cast<size_t>(i)] = i * step;
  return array;
}

}  // namespace rlkd::kernels::bench
