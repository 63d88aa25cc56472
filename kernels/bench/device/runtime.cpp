#include "bench/device/runtime.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <stdexcept>

#include "rlkd/kernels/device.h"

#if RLKD_CUDA
#include <cuda_runtime_api.h>
#endif

namespace rlkd::kernels::bench {

bool emulated() { return !RLKD_CUDA; }

#if RLKD_CUDA

namespace {

void require(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // an allocation that failed is no failure of the next benchmark
  throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(error));
}

int attribute(cudaDeviceAttr name) {
  int value = 0;
  return cudaDeviceGetAttribute(&value, name, 0) == cudaSuccess ? value : 0;
}

/**
 * Dense flops a clock of one multiprocessor for 16-bit inputs and float accumulators: NVIDIA's architecture
 * white papers (A100, H100, B200, GeForce RTX 5090), peak rate / (multiprocessors * boost clock).
 */
double tensor_flops_a_clock(int compute_capability) {
  switch (compute_capability) {
    case 80:
      return 2048;
    case 90:
      return 4096;
    case 100:
      return 8192;
    case 120:
      return 512;
    default:
      return 0;
  }
}

}  // namespace

const Device& device() {
  static const Device device = [] {
    const char* reason = "";
    if (!cuda::device_available(&reason)) throw std::runtime_error(std::string("no CUDA device: ") + reason);
    cudaDeviceProp properties;
    require(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
    const int capability = properties.major * 10 + properties.minor;
    return Device{
        properties.name, capability, static_cast<double>(properties.totalGlobalMem),
        static_cast<double>(properties.l2CacheSize),
        // Two transfers a clock; kHz and bits.
        2e3 * attribute(cudaDevAttrMemoryClockRate) * attribute(cudaDevAttrGlobalMemoryBusWidth) / 8,
        tensor_flops_a_clock(capability) * properties.multiProcessorCount * 1e3 *
            attribute(cudaDevAttrClockRate)};
  }();
  return device;
}

double copy_bandwidth() {
  static const double bandwidth = [] {
    constexpr size_t kBytes = size_t{256} << 20;
    void* from = allocate(kBytes);
    void* to = allocate(kBytes);
    Stopwatch stopwatch;
    std::vector<double> seconds;
    for (int i = 0; i < 20; ++i) {
      stopwatch.start();
      require(cudaMemcpyAsync(to, from, kBytes, cudaMemcpyDeviceToDevice), "cudaMemcpyAsync");
      seconds.push_back(stopwatch.stop());
    }
    release(from);
    release(to);
    std::nth_element(seconds.begin(), seconds.begin() + 10, seconds.end());
    return 2 * static_cast<double>(kBytes) / seconds[10];
  }();
  return bandwidth;
}

void* allocate(size_t bytes) {
  void* memory = nullptr;
  require(cudaMalloc(&memory, std::max<size_t>(bytes, 1)), "cudaMalloc");
  return memory;
}

void release(void* memory) { cudaFree(memory); }

void copy_to_device(void* device, const void* host, size_t bytes) {
  require(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
}

void copy_to_host(void* host, const void* device, size_t bytes) {
  require(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
}

void flush_l2() {
  static const size_t bytes = 2 * static_cast<size_t>(device().l2_bytes);
  static void* const memory = allocate(bytes);
  require(cudaMemsetAsync(memory, 0, bytes), "cudaMemsetAsync");
}

Stopwatch::Stopwatch() {
  for (void*& event : events_) {
    require(cudaEventCreate(reinterpret_cast<cudaEvent_t*>(&event)), "cudaEventCreate");
  }
}

Stopwatch::~Stopwatch() {
  for (void* event : events_) cudaEventDestroy(static_cast<cudaEvent_t>(event));
}

void Stopwatch::start() { require(cudaEventRecord(static_cast<cudaEvent_t>(events_[0])), "cudaEventRecord"); }

double Stopwatch::stop() {
  require(cudaEventRecord(static_cast<cudaEvent_t>(events_[1])), "cudaEventRecord");
  require(cudaEventSynchronize(static_cast<cudaEvent_t>(events_[1])), "cudaEventSynchronize");
  float milliseconds = 0;
  require(cudaEventElapsedTime(&milliseconds, static_cast<cudaEvent_t>(events_[0]),
                               static_cast<cudaEvent_t>(events_[1])),
          "cudaEventElapsedTime");
  return milliseconds * 1e-3;
}

#else

const Device& device() {
  static const Device device{"emulated on the CPU", 0, 1e9, 0, 0, 0};
  return device;
}

double copy_bandwidth() { return 1e9; }  // any: an emulated time means nothing

void* allocate(size_t bytes) { return ::operator new (bytes, std::align_val_t{256}); }

void release(void* memory) { ::operator delete (memory, std::align_val_t{256}); }

void copy_to_device(void* device, const void* host, size_t bytes) { std::memcpy(device, host, bytes); }

void copy_to_host(void* host, const void* device, size_t bytes) { std::memcpy(host, device, bytes); }

void flush_l2() {}

namespace {
double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
}  // namespace

Stopwatch::Stopwatch() : events_{new double(0), nullptr} {}

Stopwatch::~Stopwatch() { delete static_cast<double*>(events_[0]); }

void Stopwatch::start() { *static_cast<double*>(events_[0]) = now(); }

double Stopwatch::stop() { return now() - *static_cast<double*>(events_[0]); }

#endif

}  // namespace rlkd::kernels::bench
