#include "bench/support/machine_limit.h"

#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "rlkd/kernels/cpu_features.h"

namespace rlkd::kernels::bench {
namespace {

template <class Operation>
double best_seconds(const Operation& operation) {
  operation();
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    operation();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double triad_bytes_per_second() {
  constexpr int64_t kSize = 16 << 20;
  std::vector<float> a(kSize, 1), b(kSize, 2), c(kSize, 3);
  const double seconds = best_seconds([&] {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < kSize; ++i)
      a[static_cast<size_t>(i)] = b[static_cast<size_t>(i)] + 0.5f * c[static_cast<size_t>(i)];
    benchmark::ClobberMemory();
  });
  return 3.0 * sizeof(float) * kSize / seconds;
}

constexpr int64_t kRounds = 1 << 20;
/** Enough for two units of a latency of four, few enough for 16 registers. */
constexpr int kChains = 12;

/** kRounds x kChains multiply-adds that wait for nothing but their own chain. Inlined into each set's function. */
template <class Lanes>
[[gnu::always_inline]] inline void multiply_add() {
  Lanes factor{}, sums[kChains]{};
  factor += 0.5f;
  benchmark::DoNotOptimize(factor);
  for (int64_t i = 0; i < kRounds; ++i) {
#pragma GCC unroll 12
    for (int k = 0; k < kChains; ++k) sums[k] = sums[k] * factor + factor;
  }
  for (Lanes& sum : sums) benchmark::DoNotOptimize(sum);
}

using Lanes4 = float __attribute__((vector_size(16)));
void multiply_add_baseline() { multiply_add<Lanes4>(); }
#if defined(__x86_64__)
using Lanes8 = float __attribute__((vector_size(32)));
using Lanes16 = float __attribute__((vector_size(64)));
__attribute__((target("avx2,fma"))) void multiply_add_avx2() { multiply_add<Lanes8>(); }
__attribute__((target("avx512f"))) void multiply_add_avx512() { multiply_add<Lanes16>(); }
#endif

double flops_per_second() {
  void (*kernel)() = multiply_add_baseline;
  int lanes = 4;
#if defined(__x86_64__)
  switch (cpu::instruction_set()) {
    case cpu::InstructionSet::avx512:
      kernel = multiply_add_avx512;
      lanes = 16;
      break;
    case cpu::InstructionSet::avx2:
      kernel = multiply_add_avx2;
      lanes = 8;
      break;
    case cpu::InstructionSet::baseline:
      break;
  }
#endif
  const double seconds = best_seconds([&] {
#pragma omp parallel
    kernel();
  });
  return 2.0 * lanes * kChains * kRounds * omp_get_max_threads() / seconds;
}

}  // namespace

const MachineLimit& machine_limit() {
  static const MachineLimit limit{triad_bytes_per_second(), flops_per_second()};
  return limit;
}

}  // namespace rlkd::kernels::bench
