/*
 * Views of caller-owned memory: what every kernel takes. A view owns nothing and is passed by value.
 *
 * Conventions of all kernels
 *   - One function a backend, of the same name and order of arguments: rlkd::kernels::cpu::f,
 * rlkd::kernels::reference::f and, with a stream and a status (device.h), rlkd::kernels::cuda::f.
 *   - Arguments are valid: the C interface (native/) has checked shapes, ranges and overlap before.
 *   - A kernel allocates nothing, throws nothing and writes to its outputs alone. Offsets are 64 bit.
 *   - An optional output or input is a view whose data is null.
 */
#pragma once

#include <cstdint>
#include <type_traits>

#include "rlkd/kernels/dtypes.h"

namespace rlkd::kernels {

/** `size` consecutive elements. */
template <class T>
struct Vector {
  T* data = nullptr;
  int64_t size = 0;

  RLKD_HOST_DEVICE T& operator[](int64_t i) const { return data[i]; }
  RLKD_HOST_DEVICE explicit operator bool() const { return data != nullptr; }
  template <class U, class = std::enable_if_t<std::is_same_v<U, const T> && !std::is_const_v<T>>>
  RLKD_HOST_DEVICE operator Vector<U>() const {
    return {data, size};
  }
};

/** `rows` rows of `cols` consecutive elements; row i starts at data + i * row_stride (in elements). */
template <class T>
struct Matrix {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t row_stride = 0;

  RLKD_HOST_DEVICE T* row(int64_t i) const { return data + i * row_stride; }
  RLKD_HOST_DEVICE T& operator()(int64_t i, int64_t j) const { return data[i * row_stride + j]; }
  RLKD_HOST_DEVICE explicit operator bool() const { return data != nullptr; }
  template <class U, class = std::enable_if_t<std::is_same_v<U, const T> && !std::is_const_v<T>>>
  RLKD_HOST_DEVICE operator Matrix<U>() const {
    return {data, rows, cols, row_stride};
  }
};

}  // namespace rlkd::kernels
