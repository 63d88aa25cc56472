/* Inputs of benchmarks, made where they are used: 10^9 numbers would take the host longer than all benchmarks. */
#include <stdexcept>

#include "bench/device/array.h"
#include "device/launch.cuh"

namespace rlkd::kernels::bench {

namespace {

constexpr int kThreads = 256;

/** The finalizer of MurmurHash3: every bit of the input changes half of the output's. */
__device__ __forceinline__ uint32_t mixed(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
  x = (x ^ (x >> 13)) * 0xC2B2AE35u;
  return x ^ (x >> 16);
}

/** The sum of four uniform numbers, scaled to deviation 1: bounded by 3.5, bell-shaped. */
template <class T>
__global__ void __launch_bounds__(kThreads)
    fill_kernel(T* data, int64_t size, float deviation, uint32_t seed) {
  const int64_t stride = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < size; i += stride) {
    const uint32_t a = mixed(static_cast<uint32_t>(i) ^ mixed(static_cast<uint32_t>(i >> 32) ^ seed));
    const uint32_t b = mixed(a ^ 0x9E3779B9u);
    const uint32_t sum = (a & 0xFFFF) + (a >> 16) + (b & 0xFFFF) + (b >> 16);
    data[i] = round_to<T>((static_cast<float>(sum) * 0x1p-16f - 2) * 1.7320508f * deviation);
  }
}

}  // namespace

template <class T>
void fill_normal(DeviceArray<T>& array, float deviation, uint32_t seed) {
  const int64_t blocks = (array.size() + kThreads - 1) / kThreads;
  const unsigned most = emulated() ? 4 : 4096;
  DeviceStatus status = cuda::launch(
      "fill", fill_kernel<T>, {dim3(blocks < most ? static_cast<unsigned>(blocks) : most), dim3(kThreads)},
      nullptr, array.data(), array.size(), deviation, seed);
  if (status) status = cuda::synchronize(nullptr);
  if (!status) throw std::runtime_error(std::string(status.where) + ": " + cuda::error_text(status));
}

template void fill_normal(DeviceArray<float>&, float, uint32_t);
template void fill_normal(DeviceArray<bfloat16>&, float, uint32_t);
template void fill_normal(DeviceArray<float16>&, float, uint32_t);

}  // namespace rlkd::kernels::bench
