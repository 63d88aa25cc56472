/*
 * Gathering within one launch: blocks leave partial results in global memory, and the last one to arrive reads
 * them all, in their order, so that the result does not depend on which block that is (threadFenceReduction of
 * the CUDA samples).
 */
#pragma once

#include <cstring>

#include "device/platform.cuh"
#include "rlkd/kernels/device.h"

namespace rlkd::kernels::cuda {

/** Blocks that have arrived; cleared on the stream before the launch. */
struct Arrivals {
  unsigned count;
};

/** Puts zeros into `bytes` bytes of device memory. */
inline DeviceStatus clear_memory(const char* name, void* memory, size_t bytes, Stream stream) {
#if defined(__CUDACC__)
  return {cudaMemsetAsync(memory, 0, bytes, static_cast<cudaStream_t>(stream)), name};
#else
  static_cast<void>(name);
  static_cast<void>(stream);
  std::memset(memory, 0, bytes);
  return {};
#endif
}

/**
 * Whether this block is the last of `blocks`; then what the others wrote before they called this is visible.
 * Every thread calls it and gets the answer. `scratch`: shared memory, free again after the next barrier.
 */
__device__ __forceinline__ bool last_to_arrive(Arrivals* arrivals, unsigned blocks, bool* scratch) {
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();  // the block's writes before its arrival
    *scratch = atomicAdd(&arrivals->count, 1u) == blocks - 1;
    __threadfence();  // its reads after it
  }
  __syncthreads();
  return *scratch;
}

}  // namespace rlkd::kernels::cuda
