/*
 * Buffers, within reach of host and device, that show what a kernel must not do: every buffer lies between guard zones of a sentinel pattern,
 * and outputs start as poison (a NaN or a rare integer), so that a write outside or an element left unwritten
 * fails the test.
 */
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "rlkd/kernels/views.h"
#include "test/support/device.h"

namespace rlkd::kernels::test {

/** What an output holds before the kernel runs. */
template <class T>
constexpr T poison() {
  if constexpr (std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>) {
    return {0x7FFF};
  } else if constexpr (std::is_floating_point_v<T>) {
    return std::numeric_limits<T>::quiet_NaN();
  } else {
    return static_cast<T>(0x5A5A5A5A5A5A5A5Aull);
  }
}

/**
 * `size` elements with guard zones around them, `offset` elements past a 64-byte boundary: offset 1 makes
 * every vector load unaligned.
 */
template <class T>
class Guarded {
 public:
  explicit Guarded(int64_t size, T fill = poison<T>(), int64_t offset = 0)
      : size_(size),
        bytes_(static_cast<size_t>(2 * kZone + size * kElement) + 64 + offset * kElement, kSentinel) {
    uintptr_t begin = reinterpret_cast<uintptr_t>(bytes_.data()) + kZone;
    begin = (begin + 63) / 64 * 64 + static_cast<uintptr_t>(offset * kElement);
    data_ = reinterpret_cast<T*>(begin);
    for (int64_t i = 0; i < size_; ++i) data_[i] = fill;
  }
  Guarded(const std::vector<T>& values, int64_t offset = 0)
      : Guarded(static_cast<int64_t>(values.size()), poison<T>(), offset) {
    for (int64_t i = 0; i < size_; ++i) data_[i] = values[static_cast<size_t>(i)];
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { EXPECT_TRUE(guards_intact()) << "a kernel wrote outside of its buffer"; }

  T* data() { return data_; }
  int64_t size() const { return size_; }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }
  Vector<T> view() { return {data_, size_}; }
  Vector<const T> view() const { return {data_, size_}; }
  std::vector<T> values() const { return std::vector<T>(data_, data_ + size_); }

  bool guards_intact() const {
    const auto* begin = reinterpret_cast<const unsigned char*>(data_);
    const auto* end = reinterpret_cast<const unsigned char*>(data_ + size_);
    for (const unsigned char* p = bytes_.data(); p != begin; ++p) {
      if (*p != kSentinel) return false;
    }
    for (const unsigned char* p = end; p != bytes_.data() + bytes_.size(); ++p) {
      if (*p != kSentinel) return false;
    }
    return true;
  }

 private:
  static constexpr int64_t kZone = 256;
  static constexpr int64_t kElement = sizeof(T);
  static constexpr unsigned char kSentinel = 0xC5;

  int64_t size_;
  std::vector<unsigned char, SharedAllocator<unsigned char>> bytes_;
  T* data_;
};

/**
 * A guarded matrix with `gap` elements between its rows. The gaps hold poison too and must still hold it when
 * the matrix is destroyed.
 */
template <class T>
class GuardedMatrix {
 public:
  GuardedMatrix(int64_t rows, int64_t cols, int64_t gap = 0, T fill = poison<T>(), int64_t offset = 0)
      : rows_(rows), cols_(cols), stride_(cols + gap), buffer_(rows * (cols + gap), poison<T>(), offset) {
    for (int64_t i = 0; i < rows_; ++i) {
      for (int64_t j = 0; j < cols_; ++j) (*this)(i, j) = fill;
    }
  }
  ~GuardedMatrix() { EXPECT_TRUE(gaps_intact()) << "a kernel wrote between the rows of a matrix"; }

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  T& operator()(int64_t i, int64_t j) { return buffer_[i * stride_ + j]; }
  const T& operator()(int64_t i, int64_t j) const { return buffer_[i * stride_ + j]; }
  Matrix<T> view() { return {buffer_.data(), rows_, cols_, stride_}; }
  Matrix<const T> view() const { return {buffer_.view().data, rows_, cols_, stride_}; }

  bool gaps_intact() const {
    const T expected = poison<T>();
    for (int64_t i = 0; i < rows_; ++i) {
      for (int64_t j = cols_; j < stride_; ++j) {
        if (std::memcmp(&buffer_[i * stride_ + j], &expected, sizeof(T)) != 0) return false;
      }
    }
    return true;
  }

 private:
  int64_t rows_;
  int64_t cols_;
  int64_t stride_;
  Guarded<T> buffer_;
};

}  // namespace rlkd::kernels::test
