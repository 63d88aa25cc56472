/* Times a kernel and sets its rate beside what the machine can do. */
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "bench/support/machine_limit.h"
#include "rlkd/kernels/cpu_features.h"

namespace rlkd::kernels::bench {

/** What one call has to do at least: each input read once, each output written once. */
struct Work {
  double bytes = 0;
  double flops = 0; /**< of matrix products; 0: the kernel is bound by memory */
};

/** Reports GB/s or GFLOP/s, and the share of the machine's limit that binds: above 1 the data lay in caches. */
template <class Kernel>
void measure(benchmark::State& state, const Work& work, const Kernel& kernel) {
  const MachineLimit& limit = machine_limit();
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) kernel();
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double seconds = elapsed / static_cast<double>(state.iterations());
  const double least = std::max(work.bytes / limit.bytes_per_second, work.flops / limit.flops_per_second);
  state.counters[work.flops > 0 ? "GFLOP/s" : "GB/s"] =
      (work.flops > 0 ? work.flops : work.bytes) / seconds * 1e-9;
  state.counters["of limit"] = least / seconds;
  state.SetLabel(cpu::name(cpu::instruction_set()));
}

}  // namespace rlkd::kernels::bench
