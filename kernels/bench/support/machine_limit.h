/* What this machine can do, as a share of which the benchmarks give their figures. */
#pragma once

namespace rlkd::kernels::bench {

/** Of all threads that OpenMP would start now. */
struct MachineLimit {
  double bytes_per_second; /**< a triad over three arrays of 64 MiB: two read, one written */
  double flops_per_second; /**< fused multiply-adds on registers, of the widest set that the kernels use */
};

/** Measured at the first call, the best of five; tenths of a second. */
const MachineLimit& machine_limit();

}  // namespace rlkd::kernels::bench
