/*
 * What a benchmark of the device backend needs of the device besides its kernels: memory, time, a cold cache,
 * and two figures to measure against. In a build without nvcc the same benchmarks run emulated, at tiny shapes,
 * so that what they verify is known to hold before a device is at hand; their times then mean nothing.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rlkd::kernels::bench {

/** True where the kernels run emulated. */
bool emulated();

struct Device {
  std::string name;
  int compute_capability;  // major * 10 + minor
  double memory_bytes;     // total
  double l2_bytes;
  double peak_bandwidth;     // bytes/s by clock and bus width; 0: the driver does not say
  double peak_tensor_flops;  // 16-bit inputs, float accumulators, dense; 0: unknown architecture
};

/** Throws std::runtime_error with the driver's words where there is no device. */
const Device& device();

/** Bytes a second of a device-to-device copy of 256 MiB, bytes read and bytes written counted; measured once. */
double copy_bandwidth();

/** Throw std::runtime_error with CUDA's text, e.g. where the device has not enough memory. */
void* allocate(size_t bytes);
void release(void* memory);
void copy_to_device(void* device, const void* host, size_t bytes);
void copy_to_host(void* host, const void* device, size_t bytes);

/** Leaves nothing of earlier work in the L2 cache: writes twice its size. Does not wait. */
void flush_l2();

/** Time between two points of the default stream, by CUDA events. */
class Stopwatch {
 public:
  Stopwatch();
  ~Stopwatch();
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  void start();
  double stop();  // seconds; waits

 private:
  void* events_[2];
};

}  // namespace rlkd::kernels::bench
