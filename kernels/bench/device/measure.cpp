#include "bench/device/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <stdexcept>

namespace rlkd::kernels::bench {

namespace {
using Clock = std::chrono::steady_clock;
Clock::time_point deadline = Clock::time_point::max();
}  // namespace

void stop_after(double seconds) {
  deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void add(const std::string& name, const char* dtype, const Shape& shape,
         const std::function<void(benchmark::State&)>& body) {
  std::string full = name + "/" + dtype;
  for (const auto& [key, value] : shape) full += std::string("/") + key + ":" + std::to_string(value);
  benchmark::RegisterBenchmark(full.c_str(),
                               [body](benchmark::State& state) {
                                 if (Clock::now() > deadline) {
                                   return state.SkipWithError("not reached within the time limit");
                                 }
                                 try {
                                   body(state);
                                 } catch (const std::exception& failure) {
                                   state.SkipWithError(failure.what());
                                 }
                               })
      ->Iterations(1)  // measure() repeats
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

void require(const DeviceStatus& status) {
  if (!status) throw std::runtime_error(std::string(status.where) + ": " + cuda::error_text(status));
}

void require_close(const char* what, const std::vector<float>& actual, const std::vector<float>& expected,
                   double tolerance) {
  if (actual.size() != expected.size()) throw std::logic_error("two sizes of " + std::string(what));
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (!(difference <= tolerance * (1 + std::abs(static_cast<double>(expected[i]))))) {
      throw std::runtime_error("WRONG: " + std::string(what) + "[" + std::to_string(i) + "] is " +
                               std::to_string(actual[i]) + ", the reference has " +
                               std::to_string(expected[i]));
    }
  }
}

void measure(benchmark::State& state, const Work& work, const std::function<DeviceStatus()>& launch,
             double gemm_seconds) {
  constexpr int kLeastRuns = 5, kMostRuns = 50;
  constexpr double kEnough = 0.15;  // seconds
  const auto once = [&](Stopwatch& stopwatch) {
    flush_l2();
    stopwatch.start();
    require(launch());
    return stopwatch.stop();
  };
  Stopwatch stopwatch;
  std::vector<double> seconds;
  double total = 0;
  for (auto _ : state) {
    for (int i = 0; i < (emulated() ? 0 : 2); ++i) once(stopwatch);
    const int least = emulated() ? 1 : kLeastRuns;
    for (int i = 0; i < least || (i < kMostRuns && total < kEnough && !emulated()); ++i) {
      seconds.push_back(once(stopwatch));
      total += seconds.back();
    }
    std::sort(seconds.begin(), seconds.end());
    state.SetIterationTime(seconds[seconds.size() / 2]);
  }
  require(cuda::synchronize(nullptr));
  const double median = seconds[seconds.size() / 2];
  state.counters["median_us"] = median * 1e6;
  state.counters["min_us"] = seconds.front() * 1e6;
  state.counters["runs"] = static_cast<double>(seconds.size());
  if (work.flops > 0) {
    state.counters["TFLOP/s"] = work.flops / median * 1e-12;
    if (gemm_seconds > 0) {
      state.counters["share_of_cublas"] = gemm_seconds / median;
    } else if (device().peak_tensor_flops > 0) {
      state.counters["share_of_theoretical_peak"] = work.flops / median / device().peak_tensor_flops;
    }
  }
  if (work.bytes > 0) {
    state.counters["GB/s"] = work.bytes / median * 1e-9;
    if (work.flops == 0) state.counters["share_of_copy"] = work.bytes / median / copy_bandwidth();
  }
}

}  // namespace rlkd::kernels::bench
