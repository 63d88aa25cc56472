/* rlkd_tensor over std::vector, and assertions on the status and text of a call. */
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <vector>

#include "rlkd.h"

namespace rlkd::native::test {

/** A host tensor that owns its shape, strides and elements; `tensor` is what the C interface gets and tests
 * spoil. */
template <class T>
class Tensor {
 public:
  Tensor(std::vector<int64_t> shape, std::vector<T> values)
      : shape_(std::move(shape)), values_(std::move(values)) {
    const uint8_t code = std::is_floating_point_v<T> ? RLKD_DTYPE_FLOAT : RLKD_DTYPE_INT;
    tensor = {values_.data(),
              {RLKD_DEVICE_CPU, 0},
              static_cast<int32_t>(shape_.size()),
              {code, 8 * sizeof(T), 1},
              shape_.data(),
              nullptr,
              0};
  }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  void set_strides(std::vector<int64_t> strides) {
    strides_ = std::move(strides);
    tensor.strides = strides_.data();
  }
  std::vector<T>& values() { return values_; }
  std::vector<int64_t>& shape() { return shape_; }
  operator rlkd_tensor*() { return &tensor; }

  rlkd_tensor tensor;

 private:
  std::vector<int64_t> shape_;
  std::vector<int64_t> strides_;
  std::vector<T> values_;
};

/** The backends of the library under test that work in host memory: EMULATED where it has it. */
inline std::vector<rlkd_backend> host_backends() {
  std::vector<rlkd_backend> backends{RLKD_BACKEND_CPU, RLKD_BACKEND_REFERENCE};
  if (rlkd_backend_available(RLKD_BACKEND_EMULATED, nullptr)) backends.push_back(RLKD_BACKEND_EMULATED);
  return backends;
}

/** The call succeeded; otherwise its text is shown. */
inline ::testing::AssertionResult ok(rlkd_status status) {
  if (status == RLKD_OK) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "status " << status << ": " << rlkd_last_error();
}

/** The call was refused with this status and its text contains every part. */
inline ::testing::AssertionResult refused(rlkd_status status, rlkd_status expected,
                                          std::initializer_list<const char*> parts) {
  const std::string text = rlkd_last_error();
  if (status != expected) {
    return ::testing::AssertionFailure() << "status " << status << " (" << text << "), expected " << expected;
  }
  for (const char* part : parts) {
    if (text.find(part) == std::string::npos) {
      return ::testing::AssertionFailure() << "\"" << text << "\" does not say \"" << part << "\"";
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace rlkd::native::test
