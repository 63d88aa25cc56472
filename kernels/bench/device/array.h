/* Device memory of a benchmark, owned, with the host's way to it. */
#pragma once

#include <cstdint>
#include <vector>

#include "bench/device/runtime.h"
#include "rlkd/kernels/dtypes.h"
#include "rlkd/kernels/views.h"

namespace rlkd::kernels::bench {

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(int64_t size)
      : data_(static_cast<T*>(allocate(static_cast<size_t>(size) * sizeof(T)))), size_(size) {}
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(static_cast<int64_t>(values.size())) {
    copy_to_device(data_, values.data(), values.size() * sizeof(T));
  }
  ~DeviceArray() { release(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return data_; }
  int64_t size() const { return size_; }
  Vector<T> view() { return {data_, size_}; }
  Vector<const T> view() const { return {data_, size_}; }
  Matrix<T> matrix(int64_t rows) { return {data_, rows, size_ / rows, size_ / rows}; }
  Matrix<const T> matrix(int64_t rows) const { return {data_, rows, size_ / rows, size_ / rows}; }

  std::vector<T> host(int64_t begin, int64_t count) const {
    std::vector<T> values(static_cast<size_t>(count));
    copy_to_host(values.data(), data_ + begin, values.size() * sizeof(T));
    return values;
  }
  std::vector<T> host() const { return host(0, size_); }
  /** Widened to float, exactly. */
  std::vector<float> floats(int64_t begin, int64_t count) const {
    const std::vector<T> values = host(begin, count);
    std::vector<float> widened(values.size());
    for (size_t i = 0; i < values.size(); ++i) widened[i] = to_float(values[i]);
    return widened;
  }

 private:
  T* data_;
  int64_t size_;
};

/** Pseudorandom, about normal, made on the device; T is float, bfloat16 or float16. */
template <class T>
void fill_normal(DeviceArray<T>& array, float deviation, uint32_t seed);

}  // namespace rlkd::kernels::bench
