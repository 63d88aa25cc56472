/* CUDA, from the toolkit or from the emulation; the one place that tells them apart besides device/ itself. */
#pragma once

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "emulation/cuda.h"
#endif

namespace rlkd::kernels::cuda {

inline constexpr unsigned kFullWarp = 0xFFFFFFFFu;
inline constexpr int kWarp = 32;

/** The block's dynamic shared memory, 16-byte aligned; of the size that its launch gave. */
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
#if defined(__CUDACC__)
  extern __shared__ __align__(16) unsigned char rlkd_dynamic_shared[];
  return reinterpret_cast<T*>(rlkd_dynamic_shared);
#else
  return static_cast<T*>(::rlkd::emulation::dynamic_shared_memory());
#endif
}

}  // namespace rlkd::kernels::cuda
