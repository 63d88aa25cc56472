/*
 * Benchmarks of the device backend at the shapes of training and generation. Takes Google Benchmark's options,
 * --benchmark_filter, --benchmark_list_tests and --benchmark_out=FILE.json among them, and --seconds=S: benchmarks
 * that would start later are not done.
 */
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "bench/device/measure.h"
#include "bench/device/runtime.h"

namespace {

std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

void describe_device() {
  using namespace rlkd::kernels::bench;
  const Device& d = device();
  benchmark::AddCustomContext("device", d.name);
  benchmark::AddCustomContext("compute_capability", std::to_string(d.compute_capability));
  benchmark::AddCustomContext("memory_GiB", rounded(d.memory_bytes / (1 << 30)));
  benchmark::AddCustomContext("peak_GB/s", rounded(d.peak_bandwidth * 1e-9));
  benchmark::AddCustomContext("copy_GB/s", rounded(copy_bandwidth() * 1e-9));
  benchmark::AddCustomContext("peak_tensor_TFLOP/s", rounded(d.peak_tensor_flops * 1e-12));
}

}  // namespace

int main(int argc, char** argv) {
  bool list = false;
  std::vector<char*> arguments = {argv[0]};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    list = list || argument.rfind("--benchmark_list_tests", 0) == 0;
    if (argument.rfind("--seconds=", 0) == 0) {
      rlkd::kernels::bench::stop_after(std::atof(argument.c_str() + std::string("--seconds=").size()));
    } else {
      arguments.push_back(argv[i]);
    }
  }
  argc = static_cast<int>(arguments.size());
  argv = arguments.data();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (!list) {
    try {
      describe_device();
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "device_bench: %s; expected a device that runs the kernels of this build\n",
                   failure.what());
      return 1;
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
