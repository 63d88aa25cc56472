/*
 * One figure of a kernel on the device. A benchmark is registered by add(); its body makes inputs, verifies the
 * kernel's result against the reference and then calls measure().
 */
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <vector>

#include "bench/device/array.h"
#include "bench/device/runtime.h"
#include "rlkd/kernels/device.h"

namespace rlkd::kernels::bench {

/** What a launch has to read and write, and to compute, at least. */
struct Work {
  double bytes = 0;
  double flops = 0;  // tensor-core work alone; 0: the kernel is bound by memory
};

/** A benchmark's shape by name, as it stands in the benchmark's name. */
using Shape = std::vector<std::pair<const char*, int64_t>>;

/** Benchmarks that would start later than this are not done, and say so. */
void stop_after(double seconds);

/** Registers "NAME/DTYPE/rows:1/vocab:512". What `body` throws (no memory, say) ends this benchmark alone. */
void add(const std::string& name, const char* dtype, const Shape& shape,
         const std::function<void(benchmark::State&)>& body);

/** The name by which a type stands in a benchmark's name. */
template <class T>
constexpr const char* dtype_name();
template <>
constexpr const char* dtype_name<float>() {
  return "float32";
}
template <>
constexpr const char* dtype_name<bfloat16>() {
  return "bfloat16";
}

/** Throws what the device reports. */
void require(const DeviceStatus& status);

/** Throws if an element differs by more than tolerance * (1 + |expected|), or is NaN. `what` names the output. */
void require_close(const char* what, const std::vector<float>& actual, const std::vector<float>& expected,
                   double tolerance);

/**
 * Times `launch` with a cold L2 cache, after two runs that warm up, by CUDA events: at least 5 runs, then until
 * 0.15 s or 50 runs. Reports median and least time, and GB/s with the share of the copy bandwidth, or TFLOP/s
 * with the share of `gemm_seconds` (of a product of the same flops) or, without one, of the theoretical peak.
 */
void measure(benchmark::State& state, const Work& work, const std::function<DeviceStatus()>& launch,
             double gemm_seconds = 0);

}  // namespace rlkd::kernels::bench
