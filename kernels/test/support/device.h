/*
 * The device backend under test ("emulated", or "cuda" in a build by nvcc): memory that host and device both
 * reach, and waiting for kernels. Host code reads results after finished() alone.
 */
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>

#include "rlkd/kernels/device.h"

namespace rlkd::kernels::test {

/** Managed memory in a CUDA build, the heap otherwise; 64-byte aligned. */
void* allocate_shared(size_t bytes);
void free_shared(void* memory);

/** Zeroed memory that costs only the pages that are touched: for rows that lie far apart. */
class SparseMemory {
 public:
  explicit SparseMemory(size_t bytes);
  ~SparseMemory();
  SparseMemory(const SparseMemory&) = delete;
  SparseMemory& operator=(const SparseMemory&) = delete;
  void* data() const { return data_; }

 private:
  void* data_;
  size_t bytes_;
};

template <class T>
struct SharedAllocator {
  using value_type = T;
  SharedAllocator() = default;
  template <class U>
  SharedAllocator(const SharedAllocator<U>&) {}
  T* allocate(size_t count) { return static_cast<T*>(allocate_shared(count * sizeof(T))); }
  void deallocate(T* memory, size_t) { free_shared(memory); }
  friend bool operator==(const SharedAllocator&, const SharedAllocator&) { return true; }
  friend bool operator!=(const SharedAllocator&, const SharedAllocator&) { return false; }
};

/** Captures what `work` puts on its stream as a CUDA graph, runs the graph once and waits; emulated, it runs the work.
 * Fails with the device's report, or if the work cannot be captured. */
::testing::AssertionResult finished_as_graph(const std::function<DeviceStatus(Stream)>& work);

/** Waits for the device; fails with its report if the launch or a kernel failed. */
::testing::AssertionResult finished(const DeviceStatus& launched);

}  // namespace rlkd::kernels::test

/** Skips the test, by name, where the backend finds no device to run on. */
#define RLKD_REQUIRE_DEVICE()                                                                            \
  do {                                                                                                   \
    const char* reason = "";                                                                             \
    if (!::rlkd::kernels::cuda::device_available(&reason)) GTEST_SKIP() << "no CUDA device: " << reason; \
  } while (false)
